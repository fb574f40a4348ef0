import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ToolstackError } from '../../../errors/errors.js';

/**
 * What a guest's save stream holds beside its pages, as the bytes of the stream: `platform-head` from its
 * first byte to the place of the first PAGE_DATA record, `platform-tail` from behind the last one to its
 * end. So whatever a stream said comes out again as it was.
 */
const HEAD_FILE = 'platform-head';
const TAIL_FILE = 'platform-tail';

/** A device model's state is a few MiB; more than this fills somebody's disk. */
const MAX_PLATFORM_BYTES = 256 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

export interface Platform {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

export function writePlatform(folder: string, platform: Platform): void {
  writeFileSync(join(folder, HEAD_FILE), platform.head, { mode: 0o600, flag: 'wx' });
  writeFileSync(join(folder, TAIL_FILE), platform.tail, { mode: 0o600, flag: 'wx' });
}

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

/** Keeps a stream's platform as it comes in. @throws ToolstackError E_TOOLSTACK_PLATFORM_SIZE */
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
        `the save stream holds more than ${MAX_PLATFORM_BYTES} bytes beside the guest's memory`,
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
