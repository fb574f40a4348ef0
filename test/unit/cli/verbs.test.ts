import { describe, expect, it } from 'vitest';
import { loadVerbs, verbOf } from '../../../src/cli/verbs.js';

describe('the verb of a command line', () => {
  it.each([
    [['list'], 'list'],
    [['-c', 'list', 'save', 'a', 'b'], 'save'],
    [['--state-dir', '/x', '--deadline', 'call=1', '-c', 'embedded:///x', 'migrate', 'list'], 'migrate'],
    [['--json', 'dominfo', 'web1'], 'dominfo'],
  ])('of %j is %s', (words, verb) => {
    expect(verbOf(words)).toBe(verb);
  });

  it.each([[[]], [['--help']], [['lst']], [['constructor']], [['-c']]])(
    'is none in %j: every verb is loaded',
    async (words) => {
      expect(verbOf(words)).toBeUndefined();
      expect((await loadVerbs(words)).length).toBeGreaterThan(15);
    },
  );

  it('is all that is loaded for it', async () => {
    expect(await loadVerbs(['version'])).toMatchObject([{ command: 'version' }]);
  });
});
