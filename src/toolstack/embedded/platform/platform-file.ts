import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ToolstackError } from '../../../errors/errors.js';

/**
 * The content of a guest's save stream except its pages, as the bytes of the stream: `platform-head` from its
 * first byte to the place of the first PAGE_DATA record, `platform-tail` from after the last one to its
 * end. So everything in a received stream is sent again unchanged.
 */
const HEAD_FILE = 'platform-head';
const TAIL_FILE = 'platform-tail';

/** A device model's state is a few MiB; more than this could fill the disk. */
export const MAX_PLATFORM_BYTES = 256 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/** Both parts. */
export interface Platform {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** Stores both parts. */
export function writePlatform(folder: string, platform: Platform): void {
  writeFileSync(join(folder, HEAD_FILE), platform.head, { mode: 0o600, flag: 'wx' });
  writeFileSync(join(folder, TAIL_FILE), platform.tail, { mode: 0o600, flag: 'wx' });
}

/** One part, in chunks that are valid until the next one. */
export function* readPlatform(folder: string, part: keyof Platform): Generator<Buffer, void, undefined> {
  const fd = openSync(join(folder, part === 'head' ? HEAD_FILE : TAIL_FILE), 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(fd, buffer, 0, READ_BYTES, null);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(fd);
  }
}

/** Stores a stream's platform as it arrives. @throws ToolstackError E_TOOLSTACK_PLATFORM_SIZE */
export class PlatformWriter implements Disposable {
  readonly #head: number;
  readonly #tail: number;
  #bytes = 0;

  constructor(folder: string) {
    this.#head = openSync(join(folder, HEAD_FILE), 'wx', 0o600);
    try {
      this.#tail = openSync(join(folder, TAIL_FILE), 'wx', 0o600);
    } catch (error) {
      closeSync(this.#head);
      throw error;
    }
  }

  append(part: keyof Platform, bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_PLATFORM_BYTES) {
      throw new ToolstackError(
        'E_TOOLSTACK_PLATFORM_SIZE',
        `the save stream holds more than ${MAX_PLATFORM_BYTES} bytes in addition to the guest's memory`,
      );
    }
    const fd = part === 'head' ? this.#head : this.#tail;
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
  }

  [Symbol.dispose](): void {
    closeSync(this.#head);
    closeSync(this.#tail);
  }
}
