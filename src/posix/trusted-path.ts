import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { SystemError } from '../errors/errors.js';
import { pastedWord } from '../errors/shell-words.js';

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
/** As the kernel's own bound (path_resolution(7)). */
const MAX_LINKS = 40;
/** Where the kernel lists descriptors: the target of an entry has no path of its own. */
const DESCRIPTORS = /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/fd$/;

/**
 * A path that others may change, so that nothing in it is used. The rule is that of sshd's StrictModes: a file, the
 * links to it and every folder above belong to root or to the user who runs this, and neither the group nor others may
 * write to them. A folder above may be sticky instead, as /tmp is: there only the owner of the next component can
 * replace it.
 */
export class UntrustedPathError extends SystemError {
  constructor(asked: string, path: string, { uid, mode }: Pick<Stats, 'uid' | 'mode'>, isFolder: boolean) {
    const octal = (mode & 0o7777).toString(8).padStart(4, '0');
    const isOwned = isOurs(uid);
    const why = isOwned ? `may be changed by others (mode ${octal})` : `belongs to user ${uid}`;
    const remedies = [
      ...(isOwned ? [] : [`chown -h ${process.geteuid?.() ?? 0} ${pastedWord(path)}`]),
      ...((mode & OTHERS_WRITE) === 0 ? [] : [`chmod go-w ${pastedWord(path)}`]),
    ];
    super('E_SYSTEM_UNTRUSTED', asked === path ? `${path} ${why}` : `${asked} is not trusted: ${path} ${why}`, {
      hint: `Make sure that ${isFolder ? 'nothing was put there' : 'it is as it should be'}; then run \`${remedies.join(' && ')}\`.`,
      data: { path, owner: uid, mode: octal },
    });
  }
}

/**
 * Opens a file for reading that only root and the user who runs this can have written. The descriptor that is returned
 * is checked last; the caller owns it.
 * @throws UntrustedPathError; else the system's error
 */
export function openTrusted(path: string): number {
  return openChecked(path, constants.O_RDONLY);
}

/**
 * Opens a folder that only root and the user who runs this can have filled, to look up names in it by
 * `/proc/self/fd/N/NAME`. The caller owns the descriptor.
 * @throws UntrustedPathError; else the system's error
 */
export function openTrustedFolder(path: string): number {
  return openChecked(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

function openChecked(path: string, flags: number): number {
  const at = walk(path);
  const fd = openSync(at, flags);
  try {
    checkEnd(path, at, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Checks a folder that is used by its name. @throws UntrustedPathError; else the system's error */
export function trustFolder(path: string): void {
  closeSync(openTrustedFolder(path));
}

/**
 * Checks the folders above a path that is checked in another way. @throws UntrustedPathError; else the system's error
 */
export function trustFoldersAbove(path: string): void {
  walk(path);
}

/** Checks every folder and link on the way to a path, and returns its target; the last component is not checked. */
function walk(asked: string): string {
  const rest = partsOf(resolve(asked));
  let at = '/';
  let links = 0;
  checkFolder(asked, at, lstatSync(at));
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = name === '..' ? dirname(at) : join(at, name);
    const stat = lstatSync(next);
    if (stat.isSymbolicLink()) {
      if (!isOurs(stat.uid)) throw new UntrustedPathError(asked, next, { uid: stat.uid, mode: 0 }, false);
      if (DESCRIPTORS.test(at)) return next;
      links += 1;
      if (links > MAX_LINKS) return next; // opening it fails with the system's own ELOOP
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.unshift(...partsOf(target));
      continue;
    }
    at = next;
    if (rest.length > 0) checkFolder(asked, at, stat);
  }
  return at;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** A component that is not a folder fails when the path is opened. */
function checkFolder(asked: string, path: string, stat: Stats): void {
  const isShut = (stat.mode & OTHERS_WRITE) === 0 || (stat.mode & STICKY) !== 0;
  if (!isOurs(stat.uid) || !isShut) throw new UntrustedPathError(asked, path, stat, true);
}

function checkEnd(asked: string, path: string, stat: Stats): void {
  // What is written to a device such as /dev/null is not what is read from it.
  const isShut = (stat.mode & OTHERS_WRITE) === 0 || stat.isCharacterDevice();
  if (!isOurs(stat.uid) || !isShut) throw new UntrustedPathError(asked, path, stat, stat.isDirectory());
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
