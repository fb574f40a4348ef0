import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Bitmap bytes handled at once: 128 MiB of guest. */
const BLOCK_BYTES = 4096;

/**
 * Frames that a guest wrote since the last query, one bit each: the equivalent of Xen's log-dirty mode in the
 * hypervisor. The process that runs the guest marks; the saver takes. All under the domain's lock.
 */
export class DirtyLog implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens the domain's log, or makes it, empty. */
  static open(folder: string): DirtyLog {
    return new DirtyLog(openSync(join(folder, 'dirty'), constants.O_RDWR | constants.O_CREAT, 0o600));
  }

  /** @param pfns ascending */
  mark(pfns: readonly number[]): void {
    const block = Buffer.alloc(BLOCK_BYTES);
    let open = -1;
    const flush = (): void => {
      if (open !== -1) writeSync(this.#fd, block, 0, BLOCK_BYTES, open * BLOCK_BYTES);
    };
    for (const pfn of pfns) {
      const at = pfn >>> 3;
      const index = Math.floor(at / BLOCK_BYTES);
      if (index !== open) {
        flush();
        open = index;
        block.fill(0);
        readSync(this.#fd, block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
      }
      block[at % BLOCK_BYTES] |= 1 << (pfn & 7);
    }
    flush();
  }

  /** Returns the marked frames and clears the marks. */
  take(): FrameSet {
    const blocks = new Map<number, Buffer>();
    const zero = Buffer.alloc(BLOCK_BYTES);
    for (let index = 0; ; index += 1) {
      const block = Buffer.alloc(BLOCK_BYTES);
      if (readSync(this.#fd, block, 0, BLOCK_BYTES, index * BLOCK_BYTES) === 0) break;
      if (block.equals(zero)) continue;
      blocks.set(index, block);
      writeSync(this.#fd, zero, 0, BLOCK_BYTES, index * BLOCK_BYTES);
    }
    return new FrameSet(blocks);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** A set of frames of a guest: 1 bit for each frame of the blocks that contain any. */
export class FrameSet {
  readonly count: number;
  readonly #blocks: ReadonlyMap<number, Buffer>;

  constructor(blocks: ReadonlyMap<number, Buffer>) {
    this.#blocks = blocks;
    let count = 0;
    for (const block of blocks.values()) for (const byte of block) count += bitsIn(byte);
    this.count = count;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (const [index, block] of [...this.#blocks].sort(([a], [b]) => a - b)) {
      for (const [at, byte] of block.entries()) {
        if (byte === 0) continue;
        const first = (index * BLOCK_BYTES + at) * 8;
        for (let bit = 0; bit < 8; bit += 1) if ((byte & (1 << bit)) !== 0) yield first + bit;
      }
    }
  }
}

function bitsIn(byte: number): number {
  let count = 0;
  for (let left = byte; left !== 0; left &= left - 1) count += 1;
  return count;
}
