import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { SystemError } from '../errors/errors.js';

/** Waits until the names in a folder are on the disk. Throws the system's error. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file in one step, with mode 0600: readers see the old text or the new one, whole. Once this has returned,
 * the new text survives a power cut. Throws the system's error; the old file is then still there.
 */
export function writeDurably(path: string, text: string): void {
  const fresh = `${path}.${randomUUID()}.new`;
  try {
    const fd = openSync(fresh, 'wx', 0o600);
    try {
      const bytes = Buffer.from(text);
      let written = 0;
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Removes a file durably; false if there was none. Throws the system's error. */
export function removeDurably(path: string): boolean {
  try {
    unlinkSync(path);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  syncFolder(dirname(path));
  return true;
}

/**
 * A small file's text; undefined if there is none. The length is checked before memory is taken.
 * @throws SystemError `E_SYSTEM_FILE_SIZE` if it is longer than `maxBytes`; else the system's error
 */
export function readBounded(path: string, maxBytes: number): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    if (size > maxBytes) {
      throw new SystemError('E_SYSTEM_FILE_SIZE', `${path} has ${size} bytes; at most ${maxBytes} are read`);
    }
    const bytes = Buffer.alloc(size);
    let got = 0;
    while (got < size) {
      const count = readSync(fd, bytes, got, size - got, got);
      if (count === 0) break;
      got += count;
    }
    return bytes.toString('utf8', 0, got);
  } finally {
    closeSync(fd);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
