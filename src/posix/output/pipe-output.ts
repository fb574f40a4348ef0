import { setTimeout as wait } from 'node:timers/promises';
import { Deadline } from '../../errors/deadline.js';
import { InvariantError, SystemError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { FdWriter, readFd } from '../fd-stream.js';
import { duplicateFd, hasReader, unreadBytes } from '../libc.js';
import { makePipe, OwnedFd } from '../owned-fd.js';
import type { Output } from './output.js';

/** Interval at which the pipe is checked for unread bytes. */
const LOOK_MS = 20;
/** How long a reader may leave the last bytes in the pipe. */
const DRAIN_MS = 120_000;

/**
 * A pipe or socket of the user. The writer of the stream gets a pipe of ours, whose bytes are copied: so nothing
 * depends on whether the user's pipe is in non-blocking mode, and an abort takes effect while its reader sleeps.
 */
export class PipeOutput implements Output {
  readonly isAtomic = false;
  readonly #writer: FdWriter;
  /** A duplicate of the same end: the writer closes its own. */
  readonly #look: OwnedFd;
  readonly #stop = new AbortController();
  #passing: Promise<void> | undefined;
  #failure: Error | undefined;

  /** Takes ownership of the descriptor. */
  constructor(
    sink: OwnedFd,
    private readonly kind: 'pipe' | 'socket',
  ) {
    this.#look = new OwnedFd(duplicateFd(sink.fd), sink.what);
    this.#writer = new FdWriter(sink);
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#note(this.#writer.write(bytes, signal));
  }

  stream(): OwnedFd {
    const { readEnd, writeEnd } = makePipe(this.#look.what);
    this.#passing = this.#note(this.#passOn(readEnd));
    this.#passing.catch(() => undefined); // `settled` reports it, and until then `failure`
    return writeEnd;
  }

  async settled(signal: AbortSignal): Promise<void> {
    if (this.#passing === undefined) throw new InvariantError('a pipe was settled before anything was streamed to it');
    using deadline = new Deadline(signal, DRAIN_MS, 'E_DEADLINE_READER', `the reader of ${this.#look.what}`);
    const onAbort = (): void => this.#stop.abort(deadline.signal.reason);
    deadline.signal.addEventListener('abort', onAbort, { once: true });
    if (deadline.signal.aborted) onAbort();
    try {
      await this.#passing;
      await this.#note(this.#drained(deadline.signal));
    } finally {
      deadline.signal.removeEventListener('abort', onAbort);
    }
  }

  keep(): void {
    // Its reader has taken everything: there is no more to be done.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new InvariantError('the output was disposed of'));
    await this.#passing?.catch(() => undefined); // reported already
    this.#writer[Symbol.dispose]();
    this.#look.close();
  }

  async #passOn(source: OwnedFd): Promise<void> {
    const { signal } = this.#stop;
    for await (const chunk of readFd(source, signal)) await this.#writer.write(chunk, signal);
  }

  /** A pipe may lose its reader: bytes still in it are lost then. */
  async #drained(signal: AbortSignal): Promise<void> {
    while (unreadBytes(this.#look.fd, this.kind) > 0) {
      if (!hasReader(this.#look.fd)) {
        throw new SystemError(
          'E_SYSTEM_EPIPE',
          `the reader of ${this.#look.what} ended before it had read everything`,
          {
            hint: 'Look at the program that reads it.',
          },
        );
      }
      await wait(LOOK_MS, undefined, { signal }).catch(() => undefined); // the loop throws the reason next
      signal.throwIfAborted();
    }
  }

  async #note(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= asError(error);
      throw error;
    }
  }
}
