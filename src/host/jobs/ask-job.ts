import { SocketChannel } from '../../channel/socket-channel.js';
import { asError } from '../../errors/message-of.js';
import { jobAnswerSchema, MAX_JOB_LINE_BYTES, type JobAnswer, type JobQuestion } from './job-messages.js';
import { openSocket } from './open-socket.js';

/**
 * Queries a running job; yields its answers until it ends or the signal fires. Yields nothing if no
 * process listens: the job has ended, or answers no queries.
 */
export async function* askJob(
  path: string,
  question: JobQuestion,
  signal: AbortSignal,
): AsyncGenerator<JobAnswer, void, undefined> {
  const socket = await openSocket(path);
  if (socket === undefined) return;
  using channel = new SocketChannel<JobAnswer, JobQuestion>(socket, {
    receives: jobAnswerSchema,
    limitBytes: MAX_JOB_LINE_BYTES,
    peer: 'the running job',
  });
  const stop = (): void => channel.destroy(asError(signal.reason));
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    channel.send(question);
    yield* channel.received();
  } catch (error) {
    signal.throwIfAborted();
    // The job ended during the query.
    if (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
