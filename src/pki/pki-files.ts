import { carriedCode } from '../errors/codes.js';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SystemError, UsageError } from '../errors/errors.js';
import { asError, codeOf } from '../errors/message-of.js';
import { makeFolder } from '../posix/folder.js';
import { plainFilePath } from '../posix/output/output-plan.js';

/** Mode of a secret file. */
export const SECRET_MODE = 0o600;
export const PUBLIC_MODE = 0o644;
const DIR_MODE = 0o700;

/** Makes the folder and its parents if necessary, with mode 0700. */
export function makeOwnDir(dir: string): void {
  try {
    makeFolder(dir);
    chmodSync(dir, DIR_MODE);
  } catch (error) {
    throw failed(error, dir, 'be made');
  }
}

/**
 * Writes the whole file or nothing: a reader sees the old text or the new one, also after a crash. A symbolic link
 * stays; its target is replaced. @throws RefusedError `E_REFUSED_FILE` where the target is not a plain file;
 * SystemError
 */
export function replaceFile(file: string, text: string, mode: number): void {
  const path = plainFilePath(file);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const fd = openSync(temporary, 'wx', SECRET_MODE);
    try {
      writeSync(fd, text);
      fchmodSync(fd, mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncDir(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw failed(error, path, 'be written');
  }
}

/** The file's text. Throws `E_USAGE_PKI_MISSING`, with the hint. */
export function readText(path: string, hint: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('E_USAGE_PKI_MISSING', `${path} cannot be read`, { cause: error, hint, data: { path } });
  }
}

/** The file's text, or undefined where there is no such file. */
export function readTextIfThere(path: string): string | undefined {
  return existsSync(path) ? readText(path, 'Check its permissions.') : undefined;
}

function syncDir(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function failed(error: unknown, path: string, what: string): Error {
  const code = codeOf(error);
  if (!code.startsWith('E_SYSTEM_')) return asError(error);
  return new SystemError(carriedCode(code), `${path} cannot ${what}`, {
    cause: asError(error),
    hint: 'Check the path, its permissions and the free space.',
    data: { path },
  });
}
