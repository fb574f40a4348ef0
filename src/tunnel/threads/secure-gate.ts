import { asError } from '../../errors/message-of.js';
import type { Libssl } from '../../posix/tls/libssl.js';
import { TlsContext } from '../../posix/tls/tls-context.js';
import { TlsSession } from '../../posix/tls/tls-session.js';
import { HANDSHAKE_MS, clientHandshakeFailed } from '../handshake-errors.js';
import type { KeepaliveOptions } from '../keepalive.js';
import { credentialsError, type TlsCredentials } from '../tls-credentials.js';
import { REFUSE_DISCARD_BYTES } from '../tls-gate.js';
import { judgeClient, type Judgement } from '../tls-judge.js';
import { ALPN, CIPHERS } from '../tls-names.js';
import { Handshake } from './handshake.js';
import type { PollLoop } from './poll-loop.js';
import { SecureLink, type Tell } from './secure-link.js';
import { toThreadError } from './thread-messages.js';

export interface SecureGateOptions {
  readonly credentials: TlsCredentials;
  readonly handshakeMs?: number | undefined;
  readonly keepalive?: KeepaliveOptions | undefined;
}

/** A `TlsGate` in a thread that does TLS itself: the same handshakes, limits and judgements, with links that its loop looks after. */
export class SecureGate {
  #context: TlsContext;

  /** Throws `E_TUNNEL_CREDENTIALS`. */
  constructor(
    private readonly lib: Libssl,
    private readonly gate: number,
    private readonly options: SecureGateOptions,
    private readonly loop: PollLoop,
    private readonly tell: Tell,
  ) {
    this.#context = serverContext(lib, options.credentials);
  }

  /** New connections are judged by these from now on. Throws `E_TUNNEL_CREDENTIALS`, and keeps those that there are. */
  setCredentials(credentials: TlsCredentials): void {
    const before = this.#context;
    this.#context = serverContext(this.lib, credentials);
    before.close();
  }

  /**
   * Begins the handshake of a connection.
   * @param fd owned from now on
   * @param client its address and port, for people
   */
  admit(id: number, fd: number, client: string): void {
    const failed = (cause: Error): void => {
      this.tell({
        tell: 'refused',
        gate: this.gate,
        address: client,
        error: toThreadError(clientHandshakeFailed(client, cause)),
      });
      this.tell({ tell: 'gone', id });
    };
    let session: TlsSession;
    try {
      session = new TlsSession(this.#context, fd);
    } catch (error) {
      failed(asError(error));
      return;
    }
    const handshakeMs = this.options.handshakeMs ?? HANDSHAKE_MS;
    const handshake = new Handshake(session, handshakeMs, {
      onDone: (done, shown) => {
        let judged: Judgement;
        try {
          judged = judgeClient(shown, client);
        } catch (error) {
          done.close();
          failed(asError(error)); // a certificate that cannot be read is this client's affair only
          return;
        }
        this.#enter(id, done, judged, client, handshakeMs);
      },
      onFailed: failed,
      onLate: () => {
        failed(new Error('the handshake took too long'));
      },
    });
    this.loop.attend(id, handshake);
  }

  close(): void {
    this.#context.close();
  }

  #enter(id: number, session: TlsSession, judged: Judgement, client: string, handshakeMs: number): void {
    const peer = 'peer' in judged ? judged.peer : { transport: 'tls' as const, name: 'unknown', address: client };
    const link = new SecureLink(id, session, peer, this.options.keepalive ?? {}, this.tell, () => {
      this.tell({ tell: 'gone', id });
    });
    this.loop.attend(id, link);
    if ('peer' in judged) {
      link.start();
      return;
    }
    const { refused, subject } = judged;
    link.refuse(refused, { discardBytes: REFUSE_DISCARD_BYTES, deadlineMs: handshakeMs });
    this.tell({ tell: 'refused', gate: this.gate, address: client, subject, error: toThreadError(refused) });
  }
}

function serverContext(lib: Libssl, { ca, cert, key, crl }: TlsCredentials): TlsContext {
  try {
    return new TlsContext(lib, { role: 'server', ca, cert, key, crl, ciphers: CIPHERS, alpn: ALPN });
  } catch (error) {
    throw credentialsError(error);
  }
}
