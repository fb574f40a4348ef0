import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { enableCompileCache } from '../api/internal/compile-cache.js';

/** The folder of this user's caches. Root's is the system's, whatever an environment says: its code would be run. */
function cacheHome(): string {
  if (process.getuid?.() === 0) return '/var/cache';
  return process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
}

/** Keeps compiled code between runs of an installed program. Called before anything else of it is loaded. */
export function keepCompiledCode(): void {
  enableCompileCache(join(cacheHome(), 'xenferry'));
}
