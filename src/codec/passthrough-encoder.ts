import { InvariantError } from '../errors/errors.js';
import { BATCH_HEADER_BYTES, MAX_BODY_BYTES, Op, OP_BYTES } from './batch.js';
import { giveBatchBuffer, takeBatchBuffer, type RawBatch } from './batch-builder.js';
import type { EncoderCounts } from './page-encoder.js';

/** Raw bytes of one batch: its body has room for the one operation behind them. */
const ROOM_BYTES = MAX_BODY_BYTES - OP_BYTES;

/** A batch buffer that the stream is read into. What was read, was pushed, and is in a batch already: bytes from its front. */
interface Filling {
  readonly buffer: Buffer;
  read: number;
  pushed: number;
  sent: number;
}

/**
 * Makes batches of the raw stream as it is, for whoever packs them: no page is looked at. The stream is read into the batches' own
 * buffers, so that only what goes out early is copied. What `PageEncoder` is where looking for pages pays.
 */
export class PassthroughEncoder {
  readonly counts: EncoderCounts = {
    rawBytes: 0,
    zeroBytes: 0,
    copiedBytes: 0,
    deltaBytes: 0,
    deltaWireBytes: 0,
    dataBytes: 0,
  };
  readonly #filling: Filling[] = [];

  /** Where the raw stream is to be read into: this object is the window. */
  get window(): this {
    return this;
  }

  space(): Buffer {
    let last = this.#filling.at(-1);
    if (last === undefined || last.read === ROOM_BYTES) {
      last = { buffer: takeBatchBuffer(), read: 0, pushed: 0, sent: 0 };
      this.#filling.push(last);
    }
    return last.buffer.subarray(BATCH_HEADER_BYTES + last.read, BATCH_HEADER_BYTES + ROOM_BYTES);
  }

  commit(count: number): void {
    const last = this.#filling.at(-1);
    if (last !== undefined) last.read += count;
  }

  /** Whether bytes wait for their batch to become full. */
  get hasPending(): boolean {
    const first = this.#filling.at(0);
    return first !== undefined && first.pushed > first.sent;
  }

  /** Takes so many bytes more of what was read; the batches that became full. */
  push(count: number): RawBatch[] {
    const full: RawBatch[] = [];
    for (let left = count; left > 0;) {
      const first = this.#first();
      const part = Math.min(left, first.read - first.pushed);
      if (part === 0) throw new InvariantError(`${left} bytes were pushed that nobody has read`);
      first.pushed += part;
      left -= part;
      if (first.pushed < ROOM_BYTES) continue;
      this.#filling.shift();
      full.push(first.sent === 0 ? this.#rawBatch(first.buffer, ROOM_BYTES) : this.#copied(first));
      if (first.sent > 0) giveBatchBuffer(first.buffer);
    }
    return full;
  }

  /** Everything that was pushed. The reader may have the rest of the buffer already: so it is a copy that goes. */
  flush(): RawBatch[] {
    return this.hasPending ? [this.#copied(this.#first())] : [];
  }

  #first(): Filling {
    const first = this.#filling.at(0);
    if (first === undefined) throw new InvariantError('bytes were pushed that nobody has read');
    return first;
  }

  #copied(filling: Filling): RawBatch {
    const { buffer, pushed, sent } = filling;
    const copy = takeBatchBuffer();
    buffer.copy(copy, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + sent, BATCH_HEADER_BYTES + pushed);
    filling.sent = pushed;
    return this.#rawBatch(copy, pushed - sent);
  }

  #rawBatch(buffer: Buffer, bytes: number): RawBatch {
    const at = BATCH_HEADER_BYTES + bytes;
    buffer.writeUInt32BE(Op.DATA * 0x100_0000, at);
    buffer.writeUInt32BE(bytes, at + 4);
    this.counts.rawBytes += bytes;
    this.counts.dataBytes += bytes;
    return { buffer, bodyBytes: bytes + OP_BYTES, opsBytes: OP_BYTES, rawBytes: bytes };
  }
}
