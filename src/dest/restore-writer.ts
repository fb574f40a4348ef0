import type { Slot } from '../buffers/slot-memory.js';
import { referenceBatches, type StreamChoice } from '../codec/agreement.js';
import { BatchDecoder, type RawSink } from '../codec/batch-decoder.js';
import { BatchUnpacker, type ReceivedBatch } from '../codec/batch-unpacker.js';
import { SparseDigester } from '../codec/sparse-digest.js';
import { InvariantError } from '../errors/errors.js';
import { AddressedMemory, PipeSplicer } from '../posix/pipe-splicer.js';
import { PAGE_BYTES } from '../savestream/layout.js';

/** Zero pages are written from here. */
const ZERO_BYTES = 64 * PAGE_BYTES;
/** A batch that stands for less is copied into the pipe: it would use up the pipe's buffers, and hold its slot for long. */
const SPLICED_BYTES = 64 * 1024;

/** The pipe and the slots of a writer. */
export interface RestoreWriterOptions {
  readonly memory: SharedArrayBuffer;
  /** A slot for unpacking. */
  readonly spare: Slot;
  /** The write end of the pipe that the restore reads; the caller closes it. */
  readonly fd: number;
  /** Whether the restore copies what it reads, as read(2) does. */
  readonly readerCopies: boolean;
  readonly choice: StreamChoice;
  readonly digestKey: Buffer;
  readonly stopped: () => boolean;
}

/** A batch that was written. */
interface Written {
  readonly slot: Slot;
  /** It may still be referred to. */
  held: boolean;
  /** Of the pipe's output after the last use of the slot. */
  mark: number;
}

/**
 * Writes the raw stream of batches into the restore's pipe, from the slots in which they were received, and takes its
 * digest on the way. Slots of the last batches are kept: what a batch copies from them is written from there. Blocks its thread.
 */
export class RestoreWriter implements Disposable, RawSink<ReceivedBatch> {
  readonly #memory: AddressedMemory;
  readonly #zeros: AddressedMemory;
  readonly #unpacker: BatchUnpacker;
  readonly #decoder: BatchDecoder<ReceivedBatch>;
  readonly #digester: SparseDigester;
  readonly #output: PipeSplicer;
  readonly #written = new Map<Slot, Written>();
  readonly #touched = new Set<Slot>();
  #splice = false;

  constructor(options: RestoreWriterOptions) {
    const { memory, choice } = options;
    this.#memory = new AddressedMemory(new Uint8Array(memory));
    const pages = ZERO_BYTES / (64 * 1024);
    this.#zeros = new AddressedMemory(new Uint8Array(new WebAssembly.Memory({ initial: pages }).buffer));
    this.#unpacker = new BatchUnpacker(memory, options.spare, choice.packing === 'zstd');
    this.#decoder = new BatchDecoder(referenceBatches(choice));
    this.#digester = new SparseDigester({ algorithm: choice.digest, key: options.digestKey });
    this.#output = new PipeSplicer(options.fd, options.readerCopies, options.stopped);
  }

  /** Bytes of the raw stream that were written. */
  get rawBytes(): number {
    return this.#digester.rawBytes;
  }

  /** Time in zstd and in taking the digest, in ms. */
  get counts(): { readonly unpackMs: number; readonly digestMs: number } {
    return { unpackMs: this.#unpacker.spentMs, digestMs: this.#digester.spentMs };
  }

  /**
   * Writes the next batch. Takes its slot over.
   * @param bytes of the batch as it was sent, at the slot's front
   * @throws ProtocolError what is wrong with the batch; SystemError `E_SYSTEM_EPIPE` where the restore is gone; StoppedError
   */
  write(slot: Slot, bytes: number): void {
    const batch = this.#unpacker.read(slot, bytes);
    this.#splice = batch.trailer.rawBytes >= SPLICED_BYTES;
    this.#written.set(batch.slot, { slot: batch.slot, held: true, mark: 0 });
    const left = this.#decoder.decode(batch, this);
    this.#output.flush(this.#splice);
    if (this.#splice) {
      const mark = this.#output.mark();
      for (const used of this.#touched) this.#find(used).mark = mark;
    }
    this.#touched.clear();
    if (left !== undefined) this.#find(left.slot).held = false;
  }

  /** Slots that are not used any more, by no batch to come and not by the pipe: the caller's again. */
  free(): Slot[] {
    const free: Slot[] = [];
    for (const { slot, held, mark } of this.#written.values()) {
      if (held || !this.#output.isPast(mark)) continue;
      free.push(slot);
      this.#written.delete(slot);
    }
    return free;
  }

  /** Whether `free` may have more to give once the pipe has been read on. */
  get waitsForReader(): boolean {
    for (const { held } of this.#written.values()) if (!held) return true;
    return false;
  }

  /**
   * The digest of all that was written.
   * @throws InvariantError where the pages that were written as zero are not zero
   */
  finish(): { readonly rawBytes: number; readonly hex: string } {
    if (this.#zeros.bytes.some((byte) => byte !== 0)) {
      throw new InvariantError('the pages that zero pages are written from are not zero any more');
    }
    return { rawBytes: this.#digester.rawBytes, hex: this.#digester.digest() };
  }

  /** Called by the decoder. */
  literal({ slot, memory }: ReceivedBatch, at: number, count: number): void {
    this.#digester.literal(memory.subarray(at, at + count));
    this.#output.add(this.#memory, memory.byteOffset + at, count, this.#splice);
    this.#touched.add(slot);
  }

  /** Called by the decoder. */
  zeros(pages: number): void {
    this.#digester.zeros(pages);
    for (let left = pages * PAGE_BYTES; left > 0; left -= ZERO_BYTES) {
      this.#output.add(this.#zeros, 0, Math.min(left, ZERO_BYTES), this.#splice);
    }
  }

  #find(slot: Slot): Written {
    const written = this.#written.get(slot);
    if (written === undefined) throw new InvariantError(`slot ${slot} was given back while it was in use`);
    return written;
  }

  [Symbol.dispose](): void {
    this.#unpacker[Symbol.dispose]();
  }
}
