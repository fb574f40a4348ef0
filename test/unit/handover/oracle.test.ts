import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Transition } from '../../../src/toolstack/embedded/history.js';
import { assertNeverTwice } from '../../support/oracle.js';

const UUID = '5e0d0000-0000-4000-8000-000000000001';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-oracle-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A host's history: what happened to domain 1 and when. */
function host(name: string, ...events: readonly (readonly [Transition['event'], number])[]): string {
  const dir = join(root, name);
  mkdirSync(dir);
  const lines = events.map(([event, mono], index): Transition => {
    return { n: index + 1, bornMs: 1, domid: 1, uuid: UUID, name: 'guest', event, why: 'test', t: 0, mono };
  });
  writeFileSync(join(dir, 'history.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return dir;
}

it('the oracle accepts a guest that runs on one host after the other', () => {
  const a = host('a', ['create', 0], ['run', 1], ['stop', 5], ['destroy', 9]);
  const b = host('b', ['create', 2], ['run', 5], ['stop', 8]);
  expect(() => assertNeverTwice([a, b])).not.toThrow();
});

it.each([
  [
    'for an instant',
    [
      ['run', 1],
      ['stop', 5.001],
    ],
    [['run', 5]],
  ],
  ['for good', [['run', 1]], [['run', 5]]],
  [
    'within a run',
    [
      ['run', 1],
      ['stop', 9],
    ],
    [
      ['run', 3],
      ['destroy', 4],
    ],
  ],
  [
    'after it came back',
    [
      ['run', 1],
      ['stop', 5],
      ['run', 8],
    ],
    [
      ['run', 6],
      ['stop', 9],
    ],
  ],
] as const)('the oracle finds a guest that runs twice %s', (_how, first, second) => {
  const a = host('a', ['create', 0], ...first);
  const b = host('b', ['create', 0], ...second);
  expect(() => assertNeverTwice([a, b])).toThrow(`${UUID} ran twice`);
  expect(() => assertNeverTwice([b, a])).toThrow('ran twice');
});

it('the oracle tells guests apart, and looks at one host, too', () => {
  const a = host('a', ['create', 0], ['run', 1]);
  expect(() => assertNeverTwice([a])).not.toThrow();
  expect(() => assertNeverTwice([])).not.toThrow();
});
