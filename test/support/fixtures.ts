import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export const FIXTURES = ['xen-4.17-pvh-live', 'xen-4.17-hvm-live'] as const;
export type Fixture = (typeof FIXTURES)[number];

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** A real save stream, unpacked. */
export function fixtureStream(name: Fixture): Buffer {
  return gunzipSync(readFileSync(fixturePath(`${name}.libxl.gz`)));
}
