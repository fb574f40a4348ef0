import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { SystemError } from '../errors/errors.js';
import { pastedWord } from '../errors/shell-words.js';
import { makeFolder } from './folder.js';
import { trustFoldersAbove } from './trusted-path.js';

const OTHERS = 0o077;

/**
 * Makes a folder that only its owner may enter, or verifies an existing one: mode 0700 regardless of the umask, owned
 * by us, and without entries that another user made while it was open. The folders above must be trusted not to be
 * replaced.
 * @returns the previous mode, if others had access until now
 * @throws SystemError `E_SYSTEM_FOLDER_OWNER`; UntrustedPathError; else the system's error
 */
export function makePrivateFolder(path: string): number | undefined {
  makeFolder(path);
  trustFoldersAbove(path);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  let had: number;
  let us: number;
  try {
    const { uid, mode } = fstatSync(fd);
    us = process.geteuid?.() ?? uid;
    if (uid !== us) throw foreign(path, uid, us);
    had = mode & 0o7777;
    if ((had & OTHERS) !== 0) fchmodSync(fd, had & ~OTHERS);
  } finally {
    closeSync(fd);
  }
  for (const name of readdirSync(path)) {
    const entry = join(path, name);
    const owner = lstatSync(entry, { throwIfNoEntry: false })?.uid; // another process of ours may remove it
    if (owner !== undefined && owner !== us) throw foreign(entry, owner, us);
  }
  return (had & OTHERS) === 0 ? undefined : had;
}

function foreign(path: string, owner: number, us: number): SystemError {
  return new SystemError('E_SYSTEM_FOLDER_OWNER', `${path} belongs to user ${owner}, not to ${us}, who runs this`, {
    hint: `Find out who put it there; then remove it, or \`chown -h ${us} ${pastedWord(path)}\`.`,
    data: { path, owner },
  });
}
