import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { orAborted } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import type { OwnedFd } from './owned-fd.js';

/** One read takes at most this much: a quarter of a pipe, so that writer and reader overlap. */
export const READ_BYTES = 256 * 1024;

/** How many chunks wait between the pipe and the consumer; after that the pipe itself fills. */
const QUEUE_CHUNKS = 4;

/** A read of fewer bytes than this is short: the writer would have had room for more. */
const LITTLE_BYTES = READ_BYTES / 4;
/** Shorter waits are skipped. */
const LEAST_LINGER_MS = 2;

/**
 * The bytes of a pipe, in chunks that the caller owns, read up to QUEUE_CHUNKS ahead. Takes ownership of the descriptor and closes it when the iteration ends, for any reason. Ends at end of file;
 * rejects when the signal fires.
 * @param lingerMs wait after a short read, so that the next one returns more
 */
export async function* readFd(
  source: OwnedFd,
  signal: AbortSignal,
  lingerMs: () => number = () => 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  const queue: Uint8Array[] = [];
  const state: { ended: boolean; failure?: Error; wake?: (() => void) | undefined } = { ended: false };
  const notify = (): void => {
    state.wake?.();
    state.wake = undefined;
  };

  // Without `onread` every read is 64 KiB and passes through a Readable's own queue.
  const options: SocketConstructorOpts & { onread: OnReadOpts } = {
    fd: source.release(),
    readable: true,
    writable: false,
    onread: {
      buffer: () => Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (count, buffer) => {
        queue.push(buffer.subarray(0, count));
        notify();
        const ms = count < Math.min(buffer.length, LITTLE_BYTES) ? lingerMs() : 0;
        if (ms < LEAST_LINGER_MS) return queue.length < QUEUE_CHUNKS;
        lingering = setTimeout(() => {
          lingering = undefined;
          if (queue.length < QUEUE_CHUNKS) socket.resume();
        }, ms);
        return false;
      },
    },
  };
  let lingering: NodeJS.Timeout | undefined;
  const socket = new Socket(options);
  const onAbort = (): void => {
    state.failure ??= asError(signal.reason);
    socket.destroy();
    notify();
  };
  socket.on('end', () => {
    state.ended = true;
    notify();
  });
  socket.on('error', (error) => {
    state.failure ??= error;
    notify();
  });
  socket.on('close', () => {
    state.ended = true;
    notify();
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  try {
    for (;;) {
      if (state.failure !== undefined) throw state.failure;
      const chunk = queue.shift();
      if (chunk !== undefined) {
        if (queue.length === 0 && lingering === undefined) socket.resume();
        yield chunk;
        continue;
      }
      if (state.ended) return;
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(lingering);
    socket.destroy();
  }
}

/** Writes into a pipe, waiting while it is full. */
export class FdWriter implements Disposable {
  readonly #socket: Socket;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** Takes ownership of the descriptor; `end` or disposing closes it. */
  constructor(sink: OwnedFd) {
    this.#socket = new Socket({ fd: sink.release(), readable: false, writable: true });
    this.#socket.on('error', (error) => {
      this.#failure ??= error;
      this.#wake?.();
    });
    this.#socket.on('close', () => this.#wake?.());
  }

  /** Resolves when the pipe has taken the whole chunk; the caller may then reuse it. */
  async write(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#check();
    signal.throwIfAborted();
    const taken = new Promise<void>((resolve, reject) => {
      this.#socket.write(chunk, (error) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    });
    await orAborted(taken, signal);
  }

  /** Flushes and closes: the reader sees end of file. */
  async end(signal: AbortSignal): Promise<void> {
    this.#check();
    this.#socket.end();
    while (!this.#socket.closed && !this.#socket.destroyed) await this.#wait(signal);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    } finally {
      this.#wake = undefined;
      signal.removeEventListener('abort', onAbort);
    }
    signal.throwIfAborted();
    this.#check();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
