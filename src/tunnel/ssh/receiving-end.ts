import { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Deadline } from '../../errors/deadline.js';
import type { Link } from '../link.js';
import type { PeerIdentity } from '../peer-identity.js';
import type { RefusedConnection } from '../tls-gate.js';
import { TlsListener, type TlsListenerOptions } from '../tls-listener.js';
import { LaneSocket } from './lane-socket.js';
import { readMarkedLine } from './marked-line.js';
import { DIAL_MARK, MAX_GREETING_BYTES, readDialLine, receiveLine } from './ssh-greeting.js';
import type { OneTimeCredentials } from './tls-lanes.js';

/** The dialler sends its line at once. */
const GREETING_MS = 30_000;

export interface ReceivingEndOptions {
  /** The standard streams of the process that sshd has started. */
  readonly stdio: Duplex;
  /** Folder for the Unix socket; only a new folder in it is used. */
  readonly runtimeDir: string;
  /** The login as authenticated by sshd, determined by the caller. */
  readonly peer: PeerIdentity;
  /** Called for the first link and for each further one; takes it over. */
  readonly onLink: (link: Link) => void;
  /** If given, TLS lanes are offered to a dialler that requests them. */
  readonly tls?: {
    readonly makeCredentials: () => Promise<OneTimeCredentials>;
    /** Address to listen on; `::` takes all. */
    readonly host: string;
    readonly onRefused: (refused: RefusedConnection) => void;
    /** If given, the lanes run in these threads. */
    readonly threads?: TlsListenerOptions['threads'];
  };
}

/**
 * The far end of the ssh transport: what `xenferry receive` opens, or the daemon for it. Swaps greetings on the standard
 * streams, then hands out the first link and takes further ones, until it is disposed.
 */
export class ReceivingEnd implements AsyncDisposable {
  readonly #socket: LaneSocket;
  readonly #listener: TlsListener | undefined;

  private constructor(socket: LaneSocket, listener: TlsListener | undefined) {
    this.#socket = socket;
    this.#listener = listener;
  }

  /**
   * Takes the streams over. Rejects with `E_PROTOCOL_GREETING*`, `E_TUNNEL_CUT`, `E_TUNNEL_LISTEN`, a
   * `DeadlineError`, or the signal's reason.
   */
  static async open(options: ReceivingEndOptions, signal: AbortSignal): Promise<ReceivingEnd> {
    const { stdio } = options;
    stdio.on('error', () => undefined); // until there is a listener; `destroyed` shows it
    let socket: LaneSocket | undefined;
    let listener: TlsListener | undefined;
    try {
      using deadline = new Deadline(
        signal,
        GREETING_MS,
        'E_DEADLINE_SSH_GREETING',
        'the greeting of the dialling side',
      );
      const limits = { noiseBytes: 0, lineBytes: MAX_GREETING_BYTES };
      const line = await readMarkedLine(stdio, DIAL_MARK, limits, deadline.signal);
      const dialler = readDialLine(line.text);
      socket = await LaneSocket.listen(options.runtimeDir, options.peer, options.onLink);
      const secured =
        dialler.tls === undefined || options.tls === undefined
          ? undefined
          : await listenForLanes(options.tls, dialler.tls.ca, options.onLink);
      listener = secured?.listener;
      const tls = secured === undefined ? {} : { tls: secured.greeting };
      stdio.write(receiveLine({ socket: socket.path, ...tls }));
      options.onLink({
        peer: options.peer,
        duplex: stdio,
        destroy: (error) => {
          stdio.destroy(error);
        },
      });
      return new ReceivingEnd(socket, listener);
    } catch (error) {
      stdio.destroy();
      await socket?.close();
      await listener?.close();
      throw error;
    }
  }

  /** Accepts no further links. Existing ones belong to their holders. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
    await this.#listener?.close();
  }
}

/** A port for one migration: only the certificate that the dialler's authority signed gets through. */
async function listenForLanes(
  tls: NonNullable<ReceivingEndOptions['tls']>,
  diallerAuthority: string,
  onLink: (link: Link) => void,
): Promise<{ listener: TlsListener; greeting: { port: number; ca: string; fingerprint: string } }> {
  const own = await tls.makeCredentials();
  const listener = new TlsListener({
    host: tls.host,
    port: 0,
    credentials: { ca: diallerAuthority, cert: own.cert, key: own.key },
    onLink,
    onRefused: tls.onRefused,
    threads: tls.threads,
  });
  await listener.listen();
  const { fingerprint256 } = new X509Certificate(own.cert);
  return { listener, greeting: { port: listener.port, ca: own.ca, fingerprint: fingerprint256 } };
}
