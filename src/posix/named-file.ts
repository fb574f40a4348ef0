import { lstatSync, readFileSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';

/** As many links as Linux itself follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;
/** The folder of a process's open descriptors, every link in its path resolved (proc_pid_fd(5)). */
const DESCRIPTORS = /^\/proc\/(\d+)(?:\/task\/\d+)?\/fd$/;
/** open(2), asm-generic/fcntl.h: the access mode among a descriptor's flags. */
const O_ACCMODE = 0o3;

export type FileKind =
  | 'file'
  | 'folder'
  | 'pipe'
  | 'socket'
  | 'block device'
  | 'character device'
  /** Such as an eventfd, which has no type of its own. */
  | 'unknown';

/** What a path names after all symbolic links are followed. */
export type NamedFile =
  | { readonly is: 'missing'; readonly path: string }
  | { readonly is: 'present'; readonly path: string; readonly kind: FileKind }
  /** A descriptor that this process has open: `/dev/stdout`, `/dev/fd/63` of a process substitution. */
  | { readonly is: 'descriptor'; readonly fd: number; readonly kind: FileKind };

type Types = Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice'>;

/** The file type that stat(2) reports. */
export function kindOf(stat: Types): FileKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  if (stat.isFIFO()) return 'pipe';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block device';
  return stat.isCharacterDevice() ? 'character device' : 'unknown';
}

/**
 * Looks up what a path names, opening nothing. A symbolic link that leads nowhere names the missing file at its end.
 * Throws the system's error: ENOENT for a missing folder, ELOOP for circular links.
 */
export function lookUpFile(path: string): NamedFile {
  let current = resolve(path);
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    const folder = realpathSync(dirname(current));
    current = join(folder, basename(current));
    const stat = lstatSync(current, { throwIfNoEntry: false });
    if (stat === undefined) return { is: 'missing', path: current };
    if (!stat.isSymbolicLink()) return { is: 'present', path: current, kind: kindOf(stat) };
    const owner = DESCRIPTORS.exec(folder)?.[1];
    if (owner !== undefined) return descriptor(current, Number(owner));
    current = resolve(folder, readlinkSync(current));
  }
  throw Object.assign(new Error(`ELOOP: too many symbolic links, ${path}`), { code: 'ELOOP' });
}

/** Entries of /proc/PID/fd are links to the open file itself: their text need not be a path. */
function descriptor(entry: string, pid: number): NamedFile {
  const kind = kindOf(statSync(entry));
  if (pid === process.pid) return { is: 'descriptor', fd: Number(basename(entry)), kind };
  // A file that another process has open has no name here: it can be read, not replaced.
  return { is: 'present', path: entry, kind };
}

/** Whether a descriptor of this process was opened for writing (proc_pid_fdinfo(5)). Throws the system's error. */
export function isWritable(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & O_ACCMODE) !== 0;
}

/** Whether a path names the very file that a descriptor of this process has open. */
export function isOpenAs(path: string, fd: number): boolean {
  try {
    const [named, open] = [statSync(path), statSync(`/proc/self/fd/${fd}`)];
    return named.dev === open.dev && named.ino === open.ino;
  } catch {
    return false; // a missing file, or a closed descriptor, is not the same
  }
}
