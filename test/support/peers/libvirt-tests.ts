import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/* The programs of libvirt's suites name their cases in one line each: DO_TEST_FORMAT("new-disk", false). */

export interface NamedTest {
  readonly macro: string;
  /** Arguments as they stand there, quotes taken off. */
  readonly words: readonly string[];
}

const CALL = /^\s+(DO_TEST\w*)\(((?:[^()"]|"[^"]*")*)\);/gm;

export function namedTests(folder: string, program: string): NamedTest[] {
  const source = readFileSync(join(folder, 'tests', program), 'utf8').replaceAll(/\\\n/g, ' ');
  return (
    [...source.matchAll(CALL)]
      .map(([, macro, list]) => ({
        macro,
        words: list.split(',').map((word) => word.trim().replace(/^"(.*)"$/, '$1')),
      }))
      // The bodies of the macros call each other with the names of their arguments.
      .filter(({ words }) => !words.includes('name'))
  );
}
