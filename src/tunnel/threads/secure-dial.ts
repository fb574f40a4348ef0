import { isIP } from 'node:net';
import { asError } from '../../errors/message-of.js';
import { closeFd } from '../../posix/libc.js';
import type { Libssl } from '../../posix/tls/libssl.js';
import { TlsContext } from '../../posix/tls/tls-context.js';
import { TlsSession } from '../../posix/tls/tls-session.js';
import { dialFailed, dialHandshakeTimeout } from '../handshake-errors.js';
import { credentialsError } from '../tls-credentials.js';
import { judgeServer } from '../tls-judge.js';
import { ALPN, CIPHERS, hostPort } from '../tls-names.js';
import type { TlsDialerOptions } from '../tls-options.js';
import { Handshake } from './handshake.js';
import type { PollLoop } from './poll-loop.js';
import { SecureLink, type Tell } from './secure-link.js';
import { toThreadError, type BeginOrder } from './thread-messages.js';

/** The dialling side of a handshake in a thread that does TLS itself: the server is verified before anything is sent. */
export function secureDialled(
  lib: Libssl,
  { id, fd, to, handshakeMs, keepalive }: Extract<BeginOrder, { do: 'secure' }>,
  loop: PollLoop,
  tell: Tell,
): void {
  const target = hostPort(to.host, to.port);
  const failed = (error: Error): void => {
    tell({ tell: 'failed', id, error: toThreadError(error) });
    tell({ tell: 'gone', id });
  };
  let session: TlsSession;
  try {
    session = clientSession(lib, fd, to);
  } catch (error) {
    failed(credentialsError(error));
    return;
  }
  const handshake = new Handshake(session, handshakeMs, {
    onDone: (done, shown) => {
      try {
        const link = new SecureLink(id, done, judgeServer(shown, to), keepalive, tell, () =>
          tell({ tell: 'gone', id }),
        );
        loop.attend(id, link);
        link.start();
      } catch (error) {
        done.close();
        failed(asError(error));
      }
    },
    onFailed: (cause) => {
      failed(dialFailed(target, cause, null));
    },
    onLate: () => {
      failed(dialHandshakeTimeout(target, to.connectMs ?? handshakeMs));
    },
  });
  loop.attend(id, handshake);
}

/** @param fd owned from now on, also where this throws */
function clientSession(lib: Libssl, fd: number, { host, expectedHost, credentials }: TlsDialerOptions): TlsSession {
  const { ca, cert, key, crl } = credentials;
  let context: TlsContext;
  try {
    context = new TlsContext(lib, { role: 'client', ca, cert, key, crl, ciphers: CIPHERS, alpn: ALPN });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  using _ = context; // the session keeps what it needs of it
  const named = expectedHost ?? host;
  return new TlsSession(context, fd, isIP(named) === 0 ? named : undefined);
}
