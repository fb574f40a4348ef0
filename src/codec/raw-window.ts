import { InvariantError } from '../errors/errors.js';

/** The window's memory comes in blocks; no piece that is handed out crosses from one to the next. */
export const BLOCK_BYTES = 1024 * 1024;

/**
 * The last bytes of the raw stream, kept as both sides see them: what is copied or changed only a little can
 * then be told as a distance back. The bytes are read into it, or decoded into it, and handed on from it
 * without a copy: so a piece is good only until the window has moved on over it.
 * Owns its blocks, which are made as they are needed and used in turn.
 */
export class RawWindow {
  readonly #blocks: Buffer[] = [];
  readonly #words: Int32Array[] = [];
  readonly #blockCount: number;
  #end = 0;
  #taken = 0;

  /**
   * @param bytes how far back the window reaches at least; a multiple of a block
   * @param aheadBytes how much may be put in before the oldest of it is taken
   */
  constructor(
    readonly bytes: number,
    aheadBytes: number,
  ) {
    if (!(bytes >= 0) || bytes % BLOCK_BYTES !== 0) throw new InvariantError(`a window of ${bytes} bytes`);
    // One block more on either side: the window's edges lie within blocks.
    this.#blockCount = bytes / BLOCK_BYTES + Math.ceil(aheadBytes / BLOCK_BYTES) + 2;
  }

  /** Bytes of the stream that were put in so far. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of memory that it holds. */
  get heldBytes(): number {
    return this.#blocks.length * BLOCK_BYTES;
  }

  /** Room behind the end, in one piece and never empty; the oldest bytes make way. Filled bytes count once they are committed. */
  space(): Buffer {
    return this.#endBlock().subarray(this.#end % BLOCK_BYTES);
  }

  /** Copies bytes behind the end. */
  append(bytes: Buffer, from: number, count: number): void {
    for (let done = 0; done < count;) {
      const at = this.#end % BLOCK_BYTES;
      const part = Math.min(BLOCK_BYTES - at, count - done);
      bytes.copy(this.#endBlock(), at, from + done, from + done + part);
      this.#end += part;
      done += part;
    }
  }

  #endBlock(): Buffer {
    const at = this.#end % BLOCK_BYTES;
    const number = (this.#end - at) / BLOCK_BYTES;
    if (at === 0 && number >= this.#blockCount) {
      const keepFrom = Math.max(0, this.#taken - this.bytes);
      const overwritten = (number + 1 - this.#blockCount) * BLOCK_BYTES;
      if (overwritten > keepFrom) throw new InvariantError(`the window would lose bytes from ${keepFrom} on`);
    }
    const index = number % this.#blockCount;
    if (index === this.#blocks.length) {
      const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blocks.push(block);
      this.#words.push(new Int32Array(block.buffer));
    }
    return this.#blocks[index];
  }

  /** So many bytes of `space` are filled. */
  commit(count: number): void {
    if (count < 0 || count > BLOCK_BYTES - (this.#end % BLOCK_BYTES)) {
      throw new InvariantError(`${count} bytes do not fit the block`);
    }
    this.#end += count;
  }

  /** The reader has come to this offset: what lies further back than the window's size may be overwritten. */
  take(offset: number): void {
    this.#taken = offset;
  }

  /** The block that holds this byte of the stream. */
  block(offset: number): Buffer {
    return this.#blocks[this.#index(offset)];
  }

  /** The same block as words in the machine's own order. */
  words(offset: number): Int32Array {
    return this.#words[this.#index(offset)];
  }

  #index(offset: number): number {
    if (!(offset >= 0 && offset < this.#end)) throw new InvariantError(`the window has no byte ${offset}`);
    return Math.floor(offset / BLOCK_BYTES) % this.#blockCount;
  }

  /** The bytes from one offset to another, in the pieces in which they lie. */
  *pieces(from: number, to: number): Generator<Buffer, void, undefined> {
    for (let at = from; at < to;) {
      const inBlock = at % BLOCK_BYTES;
      const count = Math.min(to - at, BLOCK_BYTES - inBlock);
      yield this.block(at).subarray(inBlock, inBlock + count);
      at += count;
    }
  }

  /** Copies bytes of the window to a place of the caller's. */
  copyTo(target: Buffer, targetAt: number, from: number, count: number): void {
    const inBlock = from % BLOCK_BYTES;
    const first = Math.min(count, BLOCK_BYTES - inBlock);
    this.block(from).copy(target, targetAt, inBlock, inBlock + first);
    if (first < count) this.block(from + first).copy(target, targetAt + first, 0, count - first);
  }
}
