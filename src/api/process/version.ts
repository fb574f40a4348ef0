import { readFileSync } from 'node:fs';
import { packageFile } from './package-root.js';

/** The version, from its one source: package.json (S12). */
export function ownVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string') {
    return parsed.version;
  }
  throw new Error('package.json has no version');
}
