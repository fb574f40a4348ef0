import { RefusedError } from '../../errors/errors.js';
import { codeOf } from '../../errors/message-of.js';
import { isWritable, lookUpFile, type NamedFile } from '../named-file.js';

/** How a file that the user names is written. */
export type OutputPlan =
  /** A plain file, new or existing: written under another name and renamed. `path` contains no symbolic link. */
  | { readonly how: 'replace'; readonly path: string }
  /** Opened and written from its front, in order. */
  | { readonly how: 'open'; readonly path: string; readonly kind: 'pipe' | 'block device' }
  /** A descriptor of this process, written on from where it stands. */
  | { readonly how: 'descriptor'; readonly fd: number; readonly kind: 'file' | 'pipe' | 'socket' | 'block device' };

/**
 * Determines how a named file is to be written; opens and changes nothing.
 * @throws RefusedError `E_REFUSED_FILE` for a sink that stores nothing (a terminal, /dev/null), for folders, and for
 * paths that do not resolve
 */
export function planOutput(file: string): OutputPlan {
  return planFor(file, lookUp(file));
}

/** How a file of the given type is to be written. @throws RefusedError `E_REFUSED_FILE` */
export function planFor(file: string, named: NamedFile): OutputPlan {
  if (named.is === 'missing') return { how: 'replace', path: named.path };
  const { kind } = named;
  switch (kind) {
    case 'file':
      return named.is === 'present'
        ? { how: 'replace', path: named.path }
        : { how: 'descriptor', fd: writable(file, named.fd), kind };
    case 'pipe':
    case 'block device':
      return named.is === 'present'
        ? { how: 'open', path: named.path, kind }
        : { how: 'descriptor', fd: writable(file, named.fd), kind };
    case 'socket':
      if (named.is === 'descriptor') return { how: 'descriptor', fd: writable(file, named.fd), kind };
      throw cannot(
        file,
        'it is a socket',
        'Name a file, a pipe or a block device; `socat` connects a pipe to a socket.',
      );
    case 'character device':
      throw cannot(file, 'it is a character device, which stores nothing', 'Name a file, or use a pipe to a program.');
    case 'folder':
      throw cannot(file, 'it is a folder', 'Name a file in it.');
    case 'unknown':
      throw cannot(file, 'it is not a file', 'Name a file, a pipe or a block device.');
  }
}

/**
 * The path of a plain file, new or existing, with all symbolic links resolved, so that a rename keeps the links.
 * @throws RefusedError `E_REFUSED_FILE` for anything but a plain file
 */
export function plainFilePath(file: string): string {
  const named = lookUp(file);
  if (named.is === 'missing' || (named.is === 'present' && named.kind === 'file')) return named.path;
  throw cannot(file, `it is not a plain file but a ${named.kind}`, 'Name a new file, or one that may be replaced.');
}

function lookUp(file: string): NamedFile {
  try {
    return lookUpFile(file);
  } catch (error) {
    const isCircle = codeOf(error) === 'E_SYSTEM_ELOOP';
    throw new RefusedError('E_REFUSED_FILE', `cannot write ${file}`, {
      cause: error,
      hint: isCircle
        ? 'Its symbolic links are circular.'
        : 'Name a new file in a folder that exists and that you may write to.',
    });
  }
}

function writable(file: string, fd: number): number {
  if (isWritable(fd)) return fd;
  throw cannot(file, 'it was opened for reading', 'Name a descriptor that was opened for writing.');
}

function cannot(file: string, why: string, hint: string): RefusedError {
  return new RefusedError('E_REFUSED_FILE', `cannot write ${file}: ${why}`, { hint, data: { file } });
}
