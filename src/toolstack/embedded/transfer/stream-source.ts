import { fstatSync, read } from 'node:fs';
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { promisify } from 'node:util';
import { asError } from '../../../errors/message-of.js';
import type { OwnedFd } from '../../../posix/owned-fd.js';
import type { StreamFaults } from './stream-faults.js';

const readFrom = promisify(read);

/** The size of the largest pipe: one read empties it. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * The bytes of a save stream, from a pipe, socket or file, to its end. Takes ownership of the descriptor and
 * closes it when the iteration ends. One buffer is reused: a chunk is valid until the next
 * is requested.
 */
export async function* readStream(
  source: OwnedFd,
  faults: StreamFaults,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stat = fstatSync(source.fd);
  const chunks = stat.isFIFO() || stat.isSocket() ? readPipe(source, signal) : readFile(source, signal);
  for await (const chunk of chunks) yield* faults.pieces(chunk, signal);
}

async function* readFile(source: OwnedFd, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  using file = source;
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await readFrom(file.fd, buffer, 0, BUFFER_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Reading stops while a chunk is in use, so nothing is copied or queued: the pipe is the queue. */
async function* readPipe(source: OwnedFd, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const heard: { chunk?: Uint8Array | undefined; ended?: boolean; failure?: Error; wake?: () => void } = {};
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const options: SocketConstructorOpts & { onread: OnReadOpts } = {
    fd: source.release(),
    readable: true,
    writable: false,
    onread: {
      buffer,
      callback: (count, bytes) => {
        heard.chunk = bytes.subarray(0, count);
        heard.wake?.();
        return false;
      },
    },
  };
  const socket = new Socket(options);
  const onEnd = (): void => {
    heard.ended = true;
    heard.wake?.();
  };
  const onFailure = (error: unknown): void => {
    heard.failure ??= asError(error);
    heard.wake?.();
  };
  const onAbort = (): void => {
    onFailure(signal.reason);
  };
  socket.on('end', onEnd);
  socket.on('close', onEnd);
  socket.on('error', onFailure);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    for (;;) {
      if (heard.failure !== undefined) throw heard.failure;
      const { chunk } = heard;
      heard.chunk = undefined;
      if (chunk !== undefined) {
        yield chunk;
        socket.resume();
      } else if (heard.ended === true) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          heard.wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}
