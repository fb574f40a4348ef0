import { openSync, readSync } from 'node:fs';
import { codeOf } from '../../errors/message-of.js';
import { duplicateFd, waitReadable } from '../libc.js';
import { lookUpFile } from '../named-file.js';

/**
 * Opens a file that the user names, for `readAvailable`: a file, a pipe, whose writer is waited for, or a descriptor
 * such as `/dev/stdin`, which may be a socket and so cannot be opened by name. The caller owns the descriptor. Throws
 * the system's error.
 */
export function openToRead(path: string): number {
  const named = lookUpFile(path);
  const opensByName = named.is !== 'descriptor' || named.kind === 'file' || named.kind === 'block device';
  return opensByName ? openSync(path, 'r') : duplicateFd(named.fd);
}

/** Reads the available bytes, or waits if there are none; 0 at end of file. Throws the system's error. */
export function readAvailable(fd: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(fd, into);
    } catch (error) {
      // Another process that shares the pipe may have set non-blocking mode.
      if (codeOf(error) !== 'E_SYSTEM_EAGAIN') throw error;
      waitReadable(fd);
    }
  }
}
