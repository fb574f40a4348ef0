import { closeSync, fstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RefusedError, SystemError } from '../../errors/errors.js';
import { openTrusted, openTrustedFolder, UntrustedPathError } from '../../posix/trusted-path.js';

/** libvirt's name of the driver, so that hooks written for libvirt work unchanged. */
const NAME = 'libxl';
const EXECUTABLE = 0o111;

/**
 * The existing scripts, in the order of their calls: `libxl`, then those of `libxl.d` by name (L19). Files that are
 * not executable are not scripts.
 * @throws RefusedError `E_HOOK_UNSAFE` if others may change a script; SystemError `E_SYSTEM_HOOKS`
 */
export function scriptsIn(dir: string): string[] {
  const more = join(dir, `${NAME}.d`);
  return [join(dir, NAME), ...filesIn(more).map((file) => join(more, file))].filter(isScript);
}

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(dir, error);
  }
}

function isScript(path: string): boolean {
  try {
    const fd = openTrusted(path);
    try {
      const stat = fstatSync(fd);
      return stat.isFile() && (stat.mode & EXECUTABLE) !== 0;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error instanceof UntrustedPathError ? unsafe(path, error) : unreadable(path, error);
  }
}

/**
 * The folder of a script, in which it is looked up by name when it is run: the checked file is the one that runs. The
 * caller owns the descriptor.
 * @throws RefusedError `E_HOOK_UNSAFE`; SystemError `E_SYSTEM_HOOKS`
 */
export function openFolderOf(script: string): number {
  try {
    const folder = openTrustedFolder(dirname(script));
    try {
      closeSync(openTrusted(script));
      return folder;
    } catch (error) {
      closeSync(folder);
      throw error;
    }
  } catch (error) {
    throw error instanceof UntrustedPathError ? unsafe(script, error) : unreadable(script, error);
  }
}

function unsafe(path: string, cause: UntrustedPathError): RefusedError {
  return new RefusedError('E_HOOK_UNSAFE', `the hook ${path} is not run: ${cause.message}`, {
    hint: cause.hint,
    data: cause.data,
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unreadable(path: string, cause: unknown): SystemError {
  return new SystemError('E_SYSTEM_HOOKS', `cannot list the hooks in ${path}`, {
    cause,
    hint: 'Make it readable, or name another folder in XENFERRY_HOOKS.',
  });
}
