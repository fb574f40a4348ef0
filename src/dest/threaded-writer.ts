import { Worker } from 'node:worker_threads';
import type { Slot, SlotMemory } from '../buffers/slot-memory.js';
import type { StreamChoice } from '../codec/agreement.js';
import { InvariantError } from '../errors/errors.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import { threadEntry } from '../posix/thread-entry.js';
import { fromThreadError } from '../tunnel/threads/thread-messages.js';
import type { FromWriter, ToWriter, WriterData } from './writer-messages.js';

/** It has few objects: a small nursery has them collected soon. MiB. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 } as const;

/** The pipe and the slots of a writer in a thread, and its callbacks. */
export interface ThreadedWriterOptions {
  readonly slots: SlotMemory;
  /** Closed once everything is written, or the thread has ended. */
  readonly sink: OwnedFd;
  /** Whether the restore copies what it reads, as read(2) does. */
  readonly readerCopies: boolean;
  readonly choice: StreamChoice;
  readonly digestKey: Buffer;
  /** So many batches more were written; the slots that this frees were given back already. */
  readonly onWritten: (batches: number, rawBytes: number) => void;
}

/** What was written in all. */
export interface WrittenStream {
  readonly rawBytes: number;
  readonly hex: string;
}

/**
 * Writes batches into a restore's pipe, in a thread of its own: `RestoreWriter` as the main thread sees it. Dispose of it in
 * any case; a thread that waits for the pipe's reader hears of it within 200 ms.
 */
export class ThreadedWriter implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #exited: Promise<void>;
  readonly #ended: Promise<WrittenStream>;
  #settle: { readonly resolve: (written: WrittenStream) => void; readonly reject: (error: Error) => void };

  constructor(private readonly options: ThreadedWriterOptions) {
    const { slots, sink, readerCopies, choice, digestKey } = options;
    const spare = slots.take();
    if (spare === undefined) throw new InvariantError('no slot for unpacking');
    const data: WriterData = {
      memory: slots.buffer,
      spare,
      fd: sink.fd,
      readerCopies,
      choice,
      digestKey: Uint8Array.from(digestKey),
      stop: this.#stop,
    };
    this.#settle = { resolve: () => undefined, reject: () => undefined };
    this.#ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#ended.catch(() => undefined); // the waiting caller gets the error
    this.#worker = new Worker(threadEntry('restore-thread.js', import.meta.url), {
      workerData: data,
      name: 'writer',
      resourceLimits: THREAD_LIMITS,
    });
    this.#worker.on('message', (message: FromWriter) => {
      this.#hear(message);
    });
    this.#worker.on('error', (error) => {
      this.#lost(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#lost(undefined);
        sink.close();
        resolve();
      });
    });
  }

  /** Rejects when writing has failed; resolves when everything is written and the pipe is closed. */
  get ended(): Promise<WrittenStream> {
    return this.#ended;
  }

  /** The next batch, at the front of a slot, which is the thread's until it comes back to the slots. */
  send(slot: Slot, bytes: number): void {
    this.#post({ do: 'write', slot, bytes });
  }

  /** There are no more batches. Resolves when all are written and the pipe is closed; rejects with what broke. */
  end(): Promise<WrittenStream> {
    this.#post({ do: 'end' });
    return this.#ended;
  }

  /** Stops the thread. When it resolves, no thread uses the pipe or the slots any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    void this.#worker.terminate();
    await this.#exited;
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWriter): void {
    switch (message.tell) {
      case 'written':
        for (const slot of message.free) this.options.slots.give(slot);
        this.options.onWritten(message.batches, message.rawBytes);
        return;
      case 'ended':
        this.options.sink.close();
        this.#settle.resolve({ rawBytes: message.rawBytes, hex: message.hex });
        return;
      case 'failed':
        this.#settle.reject(fromThreadError(message.error));
    }
  }

  #lost(cause: unknown): void {
    this.#settle.reject(new InvariantError('the thread that writes into the restore ended', { cause }));
  }
}
