import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and its missing parents; an existing one is left unchanged. Step by step:
 * Node's own recursive mkdir never returns on a file system that refuses new folders with ENOENT, as /proc does.
 * Throws the system's error for the folder that could not be made.
 */
export function makeFolder(path: string, mode = 0o700): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process made it first.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
