import { connect, type Socket } from 'node:net';
import { Deadline } from '../../errors/deadline.js';
import { TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';

/**
 * A TCP connection, made within `ms`. The caller owns the socket.
 * @param where how messages name the host
 * Rejects with `E_TUNNEL_UNREACHABLE` or the signal's reason.
 */
export async function connectTcp(
  host: string,
  port: number,
  where: string,
  ms: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  using deadline = new Deadline(signal, ms, 'E_DEADLINE_SSH_CONNECT', `a TCP connection to ${where}`);
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  const onAbort = (): void => {
    socket.destroy(asError(deadline.signal.reason));
  };
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw new TunnelError('E_TUNNEL_UNREACHABLE', `${where} cannot be reached`, {
      cause: error,
      hint: 'Check the address and port, that the host is up, and that sshd runs there.',
      data: { host, port },
    });
  } finally {
    deadline.signal.removeEventListener('abort', onAbort);
  }
}
