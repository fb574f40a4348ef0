import { describe, expect, it } from 'vitest';
import { CASES, chosenCases } from '../../lab/faults/cases.js';
import { isSettled, leftovers, parseFacts } from '../../lab/faults/facts.js';
import { checkStory } from '../../lab/faults/ticks.js';

/* The oracle of the faults on real Xen: what it must notice, without a lab. */

const CLEAN = [
  'domain guest 7 -b----',
  'journal source kept',
  'journal dest refused',
  'node /local/domain 7',
  'node /libxl 7',
  'node /vm 34eda189-cecf-42ba-b7d9-d8d84644079a',
];
const facts = (...more: string[]) => parseFacts([...CLEAN, ...more].join('\n'));

describe('what is left behind', () => {
  it('a domain with its own nodes is nothing that was left', () => {
    expect(leftovers(facts())).toEqual([]);
    expect(isSettled(facts())).toBe(true);
  });

  it.each([
    'node /local/domain 8',
    'node /libxl 8',
    'node /vm 11111111-cecf-42ba-b7d9-d8d84644079a',
    'program libxl-save-helper',
    'file /run/xenferry/x',
  ])('%s is', (line) => {
    expect(leftovers(facts(line))).toContain(line.slice(line.indexOf(' ') + 1));
  });

  it.each(['journal source deciding', 'journal dest arriving', 'program xenferry migrate', 'domain guest 8 -----d'])(
    '%s: not settled yet',
    (line) => {
      expect(isSettled(facts(line))).toBe(false);
    },
  );

  it('a line that says nothing it knows is an error', () => {
    expect(() => facts('bash: xl: command not found')).toThrow('no fact');
  });
});

describe('the story that a guest tells', () => {
  const digest = 'd'.repeat(32);
  const ticks = (from: number, to: number, of = digest): string[] =>
    Array.from({ length: to - from }, (_, index) => `${from + index} ${of}`);

  it('goes on at the other host, and a line or two may be read at both', () => {
    checkStory([...ticks(10, 20), ...ticks(18, 40)], digest);
  });

  it('two copies are noticed within three ticks', () => {
    expect(() => checkStory([...ticks(10, 23), ...ticks(20, 23)], digest)).toThrow('ran twice');
  });

  it('so is memory that has changed', () => {
    expect(() => checkStory(ticks(10, 12, 'e'.repeat(32)), digest)).toThrow('not dddd');
  });
});

describe('the table of cases', () => {
  it('is numbered from 1, each with a name of its own and something that strikes', () => {
    expect(CASES.map(({ id }) => id)).toEqual(CASES.map((_, index) => index + 1));
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    for (const { name, atSource, atDest, before } of CASES) expect(atSource ?? atDest ?? before, name).toBeDefined();
    expect(CASES.length).toBeGreaterThanOrEqual(30);
  });

  it('is run in parts', () => {
    expect(chosenCases('7,2-4').map(({ id }) => id)).toEqual([7, 2, 3, 4]);
    expect(chosenCases('')).toHaveLength(CASES.length);
    expect(() => chosenCases('999')).toThrow('cases 1 to');
    expect(() => chosenCases('x')).toThrow('not like');
  });
});
