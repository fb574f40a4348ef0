import { expect, it } from 'vitest';

interface Named {
  readonly namedTests: (page: string) => string[];
  readonly outcomes: (
    titles: readonly string[],
    tests: readonly { readonly fullName: string; readonly status: string }[],
  ) => { title: string; outcome: string }[];
}

it('a test that the threat model names and that did not run, or failed, is found', async () => {
  const { namedTests, outcomes } = (await import(
    new URL('../../../scripts/check-named-tests.mjs', import.meta.url).href
  )) as Named;
  const titles = namedTests('Shown by "one of\ntwo lines", "names %s by", "missing", "skipped", "red".');
  const ran = [
    { fullName: 'a one of two lines b', status: 'passed' },
    { fullName: 'names x by', status: 'passed' },
    { fullName: 'skipped', status: 'pending' },
    { fullName: 'red', status: 'failed' },
  ];
  expect(outcomes(titles, ran).map(({ outcome }) => outcome)).toEqual([
    'passed',
    'passed',
    'missing',
    'skipped',
    'failed',
  ]);
});
