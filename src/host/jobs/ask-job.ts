import { asError } from '../../errors/message-of.js';
import { jobAnswerSchema, jobLine, type JobAnswer, type JobQuestion } from './job-messages.js';
import { socketLines } from './line-reader.js';
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
  const stop = (): void => {
    socket.destroy(asError(signal.reason));
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    socket.write(jobLine(question));
    for await (const line of socketLines(socket)) yield jobAnswerSchema.parse(JSON.parse(line));
  } catch (error) {
    signal.throwIfAborted();
    // The job ended during the query.
    if (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}
