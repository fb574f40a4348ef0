import { connect, type Socket } from 'node:net';
import { TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { connectTimeout, dialFailed } from '../handshake-errors.js';
import { hostPort } from '../tls-names.js';

/**
 * A TCP connection from which nothing is read, so that it can be moved. The caller owns it.
 * Rejects with `E_TUNNEL_UNREACHABLE`, or with the signal's reason.
 */
export async function connectUnread(
  { host, port }: { readonly host: string; readonly port: number },
  ms: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const target = hostPort(host, port);
  const socket = connect({ host, port, noDelay: true });
  socket.pause();
  socket.on('error', () => undefined); // until it is moved: the thread sees it too
  const onAbort = (): void => {
    socket.destroy(asError(signal.reason));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    socket.destroy(connectTimeout(target, ms));
  }, ms);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TunnelError ? error : dialFailed(target, asError(error), null);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
