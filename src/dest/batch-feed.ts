import { SLOT_BYTES, SlotMemory, type Slot } from '../buffers/slot-memory.js';
import { referenceBatches, windowBatches } from '../codec/agreement.js';
import { batchError } from '../codec/batch.js';
import { orAborted, type Deadline } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import type { Fed, InboundChunks, StreamTerms } from './feed.js';
import { ThreadedWriter } from './threaded-writer.js';

/** Slots that the restore's pipe may refer to while their batches count as taken. */
const PIPE_SLOTS = 6;
/** One for unpacking, and one for the batch that is being decoded. */
const WORK_SLOTS = 2;

/**
 * Lanes -> slots -> writer thread -> pipe, for a stream in batches. A batch is acknowledged when it is in the pipe, and as
 * long as there is a slot for every batch that may be under way. Dispose of it in any case.
 */
export class BatchFeed implements AsyncDisposable {
  readonly #slots: SlotMemory;
  readonly #writer: ThreadedWriter;
  /** Batches with the writer. */
  #sent = 0;
  #written = 0;
  #taken = 0;
  #chunks: InboundChunks | undefined;
  #onWritten: (rawBytes: number) => void = () => undefined;
  #onSlot: (() => void) | undefined;

  /**
   * @param sink the restore's pipe; closed at the end of the stream, or with this object
   * @param readerCopies whether the restore copies what it reads, as read(2) does
   * @param onFailed gets the error that ends the writing, also while `pump` waits for the lanes: it has to end that wait
   */
  constructor(
    sink: OwnedFd,
    readerCopies: boolean,
    private readonly terms: StreamTerms,
    onFailed: (error: Error) => void,
  ) {
    const { choice, digestKey } = terms;
    const windowed = windowBatches(terms.windowBytes);
    this.#slots = new SlotMemory(windowed + referenceBatches(choice) + PIPE_SLOTS + WORK_SLOTS);
    this.#writer = new ThreadedWriter({
      slots: this.#slots,
      sink,
      readerCopies,
      choice,
      digestKey,
      onWritten: (batches, rawBytes) => {
        this.#written += batches;
        this.#acknowledge();
        this.#onSlot?.();
        this.#onWritten(rawBytes);
      },
    });
    this.#writer.ended.catch((error: unknown) => {
      onFailed(asError(error));
    });
  }

  /**
   * Moves the whole stream, and closes the pipe.
   * @throws what the lanes end with; ProtocolError what is wrong with a batch; SystemError `E_SYSTEM_EPIPE` where the restore is gone
   */
  async pump(chunks: InboundChunks, moving: Deadline, onBytes: (rawBytes: number) => void): Promise<Fed> {
    this.#chunks = chunks;
    this.#onWritten = (rawBytes) => {
      moving.refresh();
      onBytes(rawBytes);
    };
    chunks.takeSeparately?.(windowBatches(this.terms.windowBytes));
    const source = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await orAborted(source.next(), moving.signal);
        if (next.done === true) break;
        const slot = await orAborted(this.#freeSlot(), moving.signal);
        this.#send(slot, next.value);
      }
      const { rawBytes, hex } = await orAborted(this.#writer.end(), moving.signal);
      return { rawBytes, digest: { algorithm: this.terms.choice.digest, hex } };
    } catch (error) {
      // Not waited for: a silent source ends with its lanes, which the caller ends.
      void source.return?.().catch(() => undefined);
      throw asError(error);
    }
  }

  async #freeSlot(): Promise<Slot> {
    for (;;) {
      const slot = this.#slots.take();
      if (slot !== undefined) return slot;
      await new Promise<void>((resolve) => {
        this.#onSlot = resolve;
      });
    }
  }

  #send(slot: Slot, chunk: Uint8Array): void {
    if (chunk.length > SLOT_BYTES) throw batchError(this.#sent, `it has ${chunk.length} bytes`);
    this.#slots.view(slot, chunk.length).set(chunk);
    this.#chunks?.release?.(chunk);
    this.#writer.send(slot, chunk.length);
    this.#sent += 1;
  }

  /**
   * Every batch under way needs a slot when it arrives. So what is written counts as taken only while the slots that the
   * writer keeps leave enough for a whole window.
   */
  #acknowledge(): void {
    const underWay = this.#sent - this.#written;
    const kept = this.#slots.count - WORK_SLOTS - this.#slots.free - underWay;
    if (kept > referenceBatches(this.terms.choice) + PIPE_SLOTS) return;
    const batches = this.#written - this.#taken;
    if (batches === 0) return;
    this.#taken = this.#written;
    this.#chunks?.taken?.(batches);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}
