import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import process from 'node:process';

/** Node from 22.1 on; a status of `module.constants.compileCacheStatus`. */
type Enable = (folder: string) => unknown;

let enabled: string | undefined;

/**
 * Lets node keep compiled code in a folder, and use what it finds there. That code is run without being compared with its source, so the folder
 * must be this user's own and closed to everyone else; it is made so where it is missing, below a folder that exists. Where it is not, or node cannot, nothing is
 * kept: the program only starts more slowly.
 * @returns whether node uses the folder
 */
export function enableCompileCache(folder: string, enable: Enable | undefined = nodesOwn()): boolean {
  if (enable === undefined) return false;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // It is there, or cannot be made: seen below.
  }
  try {
    const { uid, mode, isDirectory } = statOf(folder);
    if (!isDirectory || uid !== process.getuid?.() || (mode & 0o077) !== 0) return false;
    enable(folder);
  } catch {
    return false;
  }
  enabled = folder;
  return true;
}

/** The folder in use, for processes that this one starts (their NODE_COMPILE_CACHE). */
export function compileCacheFolder(): string | undefined {
  return enabled;
}

function statOf(folder: string): { readonly uid: number; readonly mode: number; readonly isDirectory: boolean } {
  const stat = lstatSync(folder);
  return { uid: stat.uid, mode: stat.mode, isDirectory: stat.isDirectory() };
}

/** Of node:module from 22.1 on, which the types of the oldest release lack. */
type WithCache = typeof module & { readonly enableCompileCache?: Enable };

function nodesOwn(): Enable | undefined {
  const node: WithCache = module;
  return node.enableCompileCache === undefined ? undefined : (folder) => node.enableCompileCache?.(folder);
}
