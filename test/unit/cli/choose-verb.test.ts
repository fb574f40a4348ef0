import { describe, expect, it } from 'vitest';
import { markedBehindDashes, unmarked } from '../../../src/cli/dashes.js';
import { VERB_GROUPS, verbList } from '../../../src/cli/verb-list.js';
import { VERB_NAMES } from '../../../src/cli/verbs.js';
import { run } from '../../support/program.js';

describe('an unknown verb', () => {
  it.each([
    [['domstat', 'web1'], 'there is no verb "domstat"', 'Did you mean `domstate`?'],
    [['-c', 'embedded:///nowhere', 'migarte'], 'there is no verb "migarte"', 'Did you mean `migrate`?'],
    [['frobnicate', '--help'], 'there is no verb "frobnicate"', '`xenferry --help` lists the verbs'],
    [['xx'], 'there is no verb "xx"', '  `xenferry --help`'],
  ])('is called that: %j', async (words, message, hint) => {
    const { code, stdout, stderr } = await run(words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error E_USAGE_VERB: ${message}\n`);
    expect(stderr).toContain(hint);
  });

  it('is none where an argument of a verb is wrong', async () => {
    const { code, stderr } = await run(['domstate']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('E_USAGE_ARGUMENTS') as string]);
  });
});

describe('what stands behind `--`', () => {
  it('is no option, whatever it begins with', () => {
    const marked = markedBehindDashes(['domrename', '--', '-old', 'new', '--', '-']);
    expect(marked.filter((word) => word.startsWith('-'))).toEqual([]);
    expect(marked.at(2)).toBe('new');
    expect(unmarked({ one: marked[1], more: marked.slice(3), json: true })).toEqual({
      one: '-old',
      more: ['--', '-'],
      json: true,
    });
    expect(markedBehindDashes(['list', '--all'])).toEqual(['list', '--all']);
  });

  it.each([
    ['domstate', '--', 'web1'],
    ['domstate', '--', '-web1'],
    ['domstate', '--reason', '--', '--help'],
  ])('is the name of a domain: %s %s %s', async (...words) => {
    const { code, stderr } = await run(['-c', 'embedded:///tmp/xenferry-no-such-host', ...words]);
    expect(code).toBe(3);
    expect(stderr).toContain(`no domain '${words.at(-1) ?? ''}' on this host`);
  });
});

describe('the list of verbs', () => {
  it('has each verb once', () => {
    expect(VERB_GROUPS.flatMap(([, names]) => names).toSorted()).toEqual([...VERB_NAMES].sort());
  });

  it('is no wider than it may be', () => {
    const text = verbList([{ name: 'migrate', describe: 'word '.repeat(40).trim() }], 60);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(60);
    expect(text.match(/word/g)).toHaveLength(40);
  });

  it.each([[['--help']], [['help']], [['-c', 'embedded:///nowhere', '-h']]])(
    'is what %j prints, in groups, with every exit code',
    async (words) => {
      const { code, stdout } = await run(words);
      expect(code).toBe(0);
      for (const [heading] of VERB_GROUPS) expect(stdout).toContain(`\n${heading}:\n`);
      expect(stdout).toMatch(/^ {2}migrate {2,}move a domain to another host$/m);
      expect(stdout).toContain('6 partly done');
      expect(stdout).toContain('--connect');
    },
  );

  it('is followed by the help of one verb where that is asked for', async () => {
    const [long, short] = await Promise.all([run(['domstate', '--help']), run(['help', 'domstate'])]);
    expect(short).toEqual(long);
    expect(long.stdout).toContain('print the state of a domain');
  });
});
