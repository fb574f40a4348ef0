import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_BYTES } from '../../../savestream/layout.js';

/** In the types file, for a frame that the guest never had. Others hold their page type + 1. */
const ABSENT = 0;

/**
 * A guest's memory as two sparse files, so that no process grows with the guest: `memory` holds frame
 * n at n x 4096; `types` holds a byte for each frame. Buffers given are filled or read, never kept.
 */
export class GuestMemory implements Disposable {
  readonly #memory: number;
  readonly #types: number;

  private constructor(memory: number, types: number) {
    this.#memory = memory;
    this.#types = types;
  }

  /** Opens the memory in a domain's folder. @param create makes it, empty; fails if it exists */
  static open(folder: string, create = false): GuestMemory {
    const flags = create ? 'wx+' : 'r+';
    const memory = openSync(join(folder, 'memory'), flags, 0o600);
    try {
      return new GuestMemory(memory, openSync(join(folder, 'types'), flags, 0o600));
    } catch (error) {
      closeSync(memory);
      throw error;
    }
  }

  /** Frames that may exist: one more than the highest. */
  frames(): number {
    return fstatSync(this.#types).size;
  }

  /** Makes room for frames 0 to count - 1, all absent so far. Takes no space on disk. */
  resize(count: number): void {
    ftruncateSync(this.#types, count);
    ftruncateSync(this.#memory, count * PAGE_BYTES);
  }

  /** Frames from `pfn` on into the buffer, as many as fit it; unwritten ones are zero. */
  read(pfn: number, into: Uint8Array): void {
    readFully(this.#memory, into, pfn * PAGE_BYTES);
  }

  write(pfn: number, pages: Uint8Array): void {
    writeFully(this.#memory, pages, pfn * PAGE_BYTES);
  }

  /** The types of the frames from `pfn` on: page type + 1, or 0 for a frame that the guest never had. */
  readTypes(pfn: number, into: Uint8Array): void {
    readFully(this.#types, into, pfn);
  }

  /** @param types as `readTypes` gives them */
  writeTypes(pfn: number, types: Uint8Array): void {
    writeFully(this.#types, types, pfn);
  }

  [Symbol.dispose](): void {
    closeSync(this.#memory);
    closeSync(this.#types);
  }
}

/** The value in the types file. @param type page type of the save stream, 0 to 15 */
export function storedType(type: number): number {
  return type + 1;
}

/** The page type of the save stream; undefined for a frame that the guest never had. */
export function pageType(stored: number): number | undefined {
  return stored === ABSENT ? undefined : stored - 1;
}

function readFully(fd: number, into: Uint8Array, at: number): void {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, at + done);
    if (count === 0) {
      into.fill(0, done); // beyond the end of a sparse file: never written
      return;
    }
    done += count;
  }
}

function writeFully(fd: number, bytes: Uint8Array, at: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}
