import { connect } from 'node:net';
import { isAbsolute } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TunnelError, UsageError } from '../../errors/errors.js';

/** The process that holds the socket is on this host and waits for us. */
const CONNECT_MS = 5000;

/**
 * Joins standard input and output to the socket of a running `xenferry receive`: how a further link
 * gets there when sshd forwards no Unix sockets. Resolves when both directions have ended.
 * Rejects with `E_USAGE_ATTACH`, `E_TUNNEL_UNREACHABLE`, the error of a stream, or the signal's reason.
 */
export async function attachToSocket(
  path: string,
  input: Readable,
  output: Writable,
  signal: AbortSignal,
): Promise<void> {
  if (!isAbsolute(path)) {
    throw new UsageError('E_USAGE_ATTACH', `--attach ${JSON.stringify(path)}: an absolute path is needed`, {
      hint: 'This option is for xenferry itself: the dialling side fills it in.',
    });
  }
  signal.throwIfAborted();
  const socket = connect({ path, allowHalfOpen: true });
  const timer = setTimeout(() => {
    socket.destroy(new Error('no answer'));
  }, CONNECT_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
  } catch (error) {
    socket.destroy();
    throw new TunnelError('E_TUNNEL_UNREACHABLE', `no \`xenferry receive\` listens at ${path}`, {
      cause: error,
      hint: 'The process that started this migration has ended: start the migration again.',
      data: { path },
    });
  } finally {
    clearTimeout(timer);
  }
  await Promise.all([pipeline(input, socket, { signal }), pipeline(socket, output, { signal })]);
}
