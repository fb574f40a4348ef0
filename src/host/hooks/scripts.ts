import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError, SystemError } from '../../errors/errors.js';

/** As libvirt names the driver, so that its hooks can be used as they are. */
const NAME = 'libxl';
const EXECUTABLE = 0o111;
const WRITABLE_BY_ALL = 0o002;

/**
 * The scripts that there are, in the order in which they are called: `libxl`, then those of `libxl.d` by name (L19). Files that are
 * not executable are not scripts.
 * @throws RefusedError `E_HOOK_UNSAFE` where anybody may change what would be run here; SystemError `E_SYSTEM_HOOKS`
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
  let mode: number;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return false;
    mode = stat.mode;
  } catch (error) {
    if (isMissing(error)) return false;
    throw unreadable(path, error);
  }
  if ((mode & EXECUTABLE) === 0) return false;
  if ((mode & WRITABLE_BY_ALL) === 0) return true;
  throw new RefusedError('E_HOOK_UNSAFE', `the hook ${path} may be changed by anybody, and is not run`, {
    hint: `chmod o-w ${path}`,
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unreadable(path: string, cause: unknown): SystemError {
  return new SystemError('E_SYSTEM_HOOKS', `cannot look at the hooks in ${path}`, {
    cause,
    hint: 'Make it readable, or name another folder in XENFERRY_HOOKS.',
  });
}
