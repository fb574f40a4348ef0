import { BATCH_HEADER_BYTES, MAX_BATCH_BYTES, MAX_BODY_BYTES, OP_BYTES } from './batch.js';
import { threadSlots } from '../buffers/slot-pool.js';
import { InvariantError } from '../errors/errors.js';

/** Operations of one batch at most; data and operations share the body. */
const MAX_OPS = 8192;
/** A buffer that any batch fits in: the caller's, until it is given back or forgotten. */
export function takeBatchBuffer(): Buffer {
  return threadSlots.take(MAX_BATCH_BYTES);
}

/** The buffer is nobody's any more. */
export function giveBatchBuffer(buffer: Buffer): void {
  threadSlots.giveBack(buffer);
}

/** A batch whose body is complete and not yet packed. Whoever holds it owns the buffer. */
export interface RawBatch {
  /** Room for the header, then the body. */
  readonly buffer: Buffer;
  readonly bodyBytes: number;
  readonly opsBytes: number;
  readonly rawBytes: number;
}

/** Writes one batch's body: data from the front, operations apart, put behind the data at the end. */
export class BatchBuilder {
  readonly #ops = Buffer.alloc(MAX_OPS * OP_BYTES);
  #opsBytes = 0;
  #dataBytes = 0;
  #rawBytes = 0;
  #buffer: Buffer | undefined;

  get isEmpty(): boolean {
    return this.#opsBytes === 0;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  /** Bytes of data that one more operation may bring; below 0 where there is no room for an operation. */
  get room(): number {
    if (this.#opsBytes === this.#ops.length) return -1;
    return MAX_BODY_BYTES - this.#dataBytes - this.#opsBytes - OP_BYTES;
  }

  /** The buffer, and where the next data goes in it. */
  get buffer(): Buffer {
    return (this.#buffer ??= takeBatchBuffer());
  }

  get dataAt(): number {
    return BATCH_HEADER_BYTES + this.#dataBytes;
  }

  /** Adds an operation with data that was put at `dataAt`; there must be room. */
  op(code: number, arg16: number, arg32: number, dataBytes: number, rawBytes: number): void {
    if (dataBytes > this.room) throw new InvariantError('a batch has no room for its operation');
    const at = this.#opsBytes;
    this.#ops.writeUInt32BE(code * 0x100_0000 + arg16, at);
    this.#ops.writeUInt32BE(arg32, at + 4);
    this.#opsBytes = at + OP_BYTES;
    this.#dataBytes += dataBytes;
    this.#rawBytes += rawBytes;
  }

  /** Makes the last operation say more: `short` and `long` are its new numbers. */
  extend(arg16: number, arg32: number, rawBytes: number): void {
    const at = this.#opsBytes - OP_BYTES;
    this.#ops.writeUInt16BE(arg16, at + 2);
    this.#ops.writeUInt32BE(arg32, at + 4);
    this.#rawBytes += rawBytes;
  }

  finish(): RawBatch {
    const { buffer } = this;
    this.#ops.copy(buffer, this.dataAt, 0, this.#opsBytes);
    const rawBatch: RawBatch = {
      buffer,
      bodyBytes: this.#dataBytes + this.#opsBytes,
      opsBytes: this.#opsBytes,
      rawBytes: this.#rawBytes,
    };
    this.#buffer = undefined;
    this.#opsBytes = 0;
    this.#dataBytes = 0;
    this.#rawBytes = 0;
    return rawBatch;
  }
}
