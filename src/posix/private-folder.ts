import { chmodSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { SystemError } from '../errors/errors.js';
import { makeFolder } from './folder.js';

const OTHERS = 0o077;

/**
 * Makes a folder that nobody else may look into, or makes sure of one that is there: mode 0700 whatever the umask, ours, and with
 * nothing in it that another user has put there while it stood open. What is deeper lies behind that mode.
 * @returns the mode that it had, where others could get in until now
 * @throws SystemError `E_SYSTEM_FOLDER_OWNER`; else the system's error
 */
export function makePrivateFolder(path: string): number | undefined {
  makeFolder(path);
  const { uid, mode } = statSync(path);
  const us = process.geteuid?.() ?? uid;
  if (uid !== us) throw foreign(path, uid, us);
  const had = mode & 0o7777;
  if ((had & OTHERS) !== 0) chmodSync(path, had & ~OTHERS);
  for (const name of readdirSync(path)) {
    const entry = join(path, name);
    const owner = lstatSync(entry, { throwIfNoEntry: false })?.uid; // another process of ours may remove it
    if (owner !== undefined && owner !== us) throw foreign(entry, owner, us);
  }
  return (had & OTHERS) === 0 ? undefined : had;
}

function foreign(path: string, owner: number, us: number): SystemError {
  return new SystemError('E_SYSTEM_FOLDER_OWNER', `${path} belongs to user ${owner}, not to ${us} who runs this`, {
    hint: `Find out who put it there; then remove it, or \`chown -h ${us} ${path}\`.`,
    data: { path, owner },
  });
}
