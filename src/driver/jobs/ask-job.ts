import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { asError } from '../../errors/message-of.js';
import { jobAnswerSchema, jobLine, type JobAnswer, type JobQuestion } from './job-messages.js';
import { socketLines } from './line-reader.js';
import { ShortSocketPath } from './short-socket-path.js';

/**
 * Asks a running job; yields its answers until it ends or the signal fires. Nothing comes where no
 * process listens: the job is over, or is one that answers no questions.
 */
export async function* askJob(
  path: string,
  question: JobQuestion,
  signal: AbortSignal,
): AsyncGenerator<JobAnswer, void, undefined> {
  const socket = await dial(path);
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
    // The job ended under the question.
    if (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** Undefined where nobody listens. */
async function dial(path: string): Promise<Socket | undefined> {
  using short = openFolder(path);
  if (short === undefined) return undefined;
  const socket = connect(short.path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    socket.destroy();
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ECONNREFUSED: the process that bound it is dead, or will not listen any more. EAGAIN: it does not come to accept.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EAGAIN') return undefined;
    throw error;
  }
}

function openFolder(path: string): ShortSocketPath | undefined {
  try {
    return new ShortSocketPath(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
