import { closeSync, constants, openSync } from 'node:fs';
import { read } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { RefusedError, XenferryError } from '../../errors/errors.js';
import { readFd } from '../fd-stream.js';
import { duplicateFd } from '../libc.js';
import { lookUpFile, type FileKind, type NamedFile } from '../named-file.js';
import { OwnedFd } from '../owned-fd.js';

const readFrom = promisify(read);

/** One read of a file takes at most this much. */
export const INPUT_CHUNK_BYTES = 1024 * 1024;

/** A file that the user has named, open for reading. */
export interface Input {
  /** Name in messages. */
  readonly name: string;
  readonly fd: OwnedFd;
  readonly kind: FileKind;
  /** Whether it can be read from any position, again and again. */
  readonly isSeekable: boolean;
  readonly isTerminal: boolean;
}

/**
 * Opens a file that the user names for reading, according to its type: a file, a device, a pipe, a process
 * substitution, or `-` for standard input. Does not wait for a writer. The caller owns the descriptor.
 * @throws RefusedError `E_REFUSED_FILE`
 */
export function openInput(file: string): Input {
  const name = file === '-' ? 'standard input' : file;
  try {
    const named = lookUpFile(file === '-' ? '/proc/self/fd/0' : file);
    if (named.is === 'missing')
      throw Object.assign(new Error(`ENOENT: no such file, open '${file}'`), { code: 'ENOENT' });
    const { kind } = named;
    if (kind === 'folder') throw unreadable(name, 'it is a folder', 'Name a file in it.');
    const isOpen = named.is === 'descriptor';
    if (kind === 'socket' && !isOpen) {
      throw unreadable(name, 'it is a socket', 'Name a file or a pipe; `socat` connects a socket to a pipe.');
    }
    const fd = new OwnedFd(openNamed(named), name);
    return {
      name,
      fd,
      kind,
      isSeekable: kind === 'file' || kind === 'block device',
      isTerminal: kind === 'character device' && isatty(fd.fd),
    };
  } catch (error) {
    if (error instanceof XenferryError) throw error;
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${name}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}

function openNamed(named: Exclude<NamedFile, { readonly is: 'missing' }>): number {
  if (named.is === 'present') {
    // In blocking mode, opening a pipe that has no writer yet blocks the whole process.
    return openSync(named.path, constants.O_RDONLY | (named.kind === 'pipe' ? constants.O_NONBLOCK : 0));
  }
  // A seekable file is opened again, to read from its start; anything else is read through the given descriptor.
  return named.kind === 'file' || named.kind === 'block device'
    ? openSync(`/proc/self/fd/${named.fd}`, 'r')
    : duplicateFd(named.fd);
}

/**
 * The bytes of an open input to their end. Takes ownership of the descriptor and closes it when the iteration ends;
 * rejects when the signal fires. @throws RefusedError `E_REFUSED_FILE` if reading fails
 */
export async function* inputChunks(input: Input, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const isPipe = input.kind === 'pipe' || input.kind === 'socket';
  const chunks = isPipe ? readFd(input.fd, signal) : readFile(input.fd, signal);
  try {
    yield* chunks;
  } catch (error) {
    if (signal.aborted || error instanceof XenferryError) throw error;
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${input.name}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}

async function* readFile(fd: OwnedFd, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const number = fd.release();
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await readFrom(
        number,
        Buffer.allocUnsafeSlow(INPUT_CHUNK_BYTES),
        0,
        INPUT_CHUNK_BYTES,
        null,
      );
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    closeSync(number);
  }
}

function unreadable(name: string, why: string, hint: string): RefusedError {
  return new RefusedError('E_REFUSED_FILE', `cannot read ${name}: ${why}`, { hint });
}
