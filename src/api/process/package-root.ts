import { existsSync } from 'node:fs';

/**
 * A file of this package, by its path from the package's root. The running file may be at any depth below it: as
 * source, compiled, or bundled.
 */
export function packageFile(path: string): URL {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    if (existsSync(new URL('package.json', folder)) && existsSync(new URL('bin/xenferry.js', folder))) {
      return new URL(path, folder);
    }
    if (folder.pathname === '/') throw new Error('the package of xenferry is incomplete: its package.json is missing');
  }
}
