import { BATCH_HEADER_BYTES, batchError, decodeBatchHeader, MAX_BATCH_BYTES, type BatchHeader } from './batch.js';

/** One batch as it was sent. */
export interface SentBatch {
  readonly header: BatchHeader;
  /** The body as it was sent; a view, good as long as what the batch was cut from. */
  readonly body: Buffer;
  /** Of the batch in the encoded stream, for messages. */
  readonly offset: number;
  /** When the batch is used up, this chunk is as well. */
  readonly lastOf?: Uint8Array;
}

/** Cuts the encoded stream into batches, in whatever pieces it comes. Holds one batch at most. */
export class BatchReader {
  #held: Buffer | undefined;
  #heldBytes = 0;
  #offset = 0;

  /**
   * The batches that are complete with this chunk. Where there are none, the chunk is used up already.
   * @throws ProtocolError `E_PROTOCOL_BATCH`
   */
  take(chunk: Uint8Array): SentBatch[] {
    const batches: SentBatch[] = [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.#heldBytes === 0 && bytes.length - at >= BATCH_HEADER_BYTES) {
        const header = decodeBatchHeader(bytes.subarray(at, at + BATCH_HEADER_BYTES), this.#offset);
        const length = BATCH_HEADER_BYTES + header.wireBytes;
        if (bytes.length - at >= length) {
          batches.push(this.#whole(header, bytes.subarray(at + BATCH_HEADER_BYTES, at + length)));
          at += length;
          continue;
        }
      }
      this.#held ??= Buffer.allocUnsafeSlow(MAX_BATCH_BYTES);
      at += this.#gather(this.#held, bytes, at, BATCH_HEADER_BYTES);
      if (this.#heldBytes < BATCH_HEADER_BYTES) break;
      const header = decodeBatchHeader(this.#held, this.#offset);
      const length = BATCH_HEADER_BYTES + header.wireBytes;
      at += this.#gather(this.#held, bytes, at, length);
      if (this.#heldBytes < length) break;
      const whole = this.#held.subarray(BATCH_HEADER_BYTES, length);
      this.#held = undefined; // it is the batch's now
      this.#heldBytes = 0;
      batches.push(this.#whole(header, whole));
    }
    const last = batches.pop();
    if (last !== undefined) batches.push({ ...last, lastOf: chunk });
    return batches;
  }

  /** Says that no more comes. @throws ProtocolError `E_PROTOCOL_BATCH` in the middle of a batch */
  end(): void {
    if (this.#heldBytes > 0) throw batchError(this.#offset, `it ends after ${this.#heldBytes} bytes`);
  }

  #gather(held: Buffer, bytes: Buffer, at: number, upTo: number): number {
    const count = Math.max(0, Math.min(upTo - this.#heldBytes, bytes.length - at));
    bytes.copy(held, this.#heldBytes, at, at + count);
    this.#heldBytes += count;
    return count;
  }

  #whole(header: BatchHeader, body: Buffer): SentBatch {
    const offset = this.#offset;
    this.#offset += BATCH_HEADER_BYTES + header.wireBytes;
    return { header, body, offset };
  }
}
