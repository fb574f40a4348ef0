import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERB_NAMES } from '../../../src/cli/verbs.js';
import { VERB_GROUPS } from '../../../src/cli/verb-list.js';
import { CONFIG_KEYS } from '../../../src/host/config/config.js';

const run = promisify(execFile);
const script = (name: string): string => fileURLToPath(new URL(`../../../scripts/${name}`, import.meta.url));

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-manual-'));
  await run(process.execPath, [script('man.mjs'), join(dir, 'man')]);
  await run(process.execPath, [script('completions.mjs'), join(dir, 'completions')]);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const page = (name: string): string => readFileSync(join(dir, 'man', name), 'utf8');
const verbs = VERB_GROUPS.flatMap(([, names]) => names);

describe('the manual pages', () => {
  it('are one for the program, one for each group of verbs, one for the configuration', () => {
    const groups = VERB_GROUPS.map(([heading]) => `xenferry-${heading.toLowerCase()}.1`);
    expect(readdirSync(join(dir, 'man')).toSorted()).toEqual([...groups, 'xenferry.1', 'xenferry.conf.5'].toSorted());
  });

  it.runIf(has('groff'))('are taken by groff without a warning', () => {
    for (const name of readdirSync(join(dir, 'man'))) {
      const { status, stderr } = spawnSync('groff', ['-ww', '-man', '-Tutf8', '-Z', join(dir, 'man', name)], {
        encoding: 'utf8',
      });
      expect({ name, status, stderr }).toEqual({ name, status: 0, stderr: '' });
    }
  });

  it('name every verb, every key of the configuration, and what an option is for', () => {
    const groups = VERB_GROUPS.map(([heading]) => page(`xenferry-${heading.toLowerCase()}.1`)).join('\n');
    const plain = (text: string): string => text.replace(/\\f[BRI]/g, '').replace(/\\([- ])/g, '$1');
    const missing = verbs.filter((verb) => !new RegExp(`^\\.SS xenferry ${verb}\\b`, 'm').test(plain(groups)));
    expect(missing).toEqual([]);
    const keys = plain(page('xenferry.conf.5'));
    expect(CONFIG_KEYS.filter((key) => !keys.includes(`.TP\n${key}\n`))).toEqual([]);
    expect(plain(page('xenferry-migration.1'))).toMatch(/^\.TP\n--undefinesource\n.{20,}$/m);
  });
});

/** What bash offers for a command line whose last word is being typed. A program in place of xenferry shows what it was asked. */
async function offered(...typed: string[]): Promise<string[]> {
  const text = `
    PATH="${dir}:$PATH"
    source "${join(dir, 'completions', 'xenferry.bash')}"
    COMP_WORDS=(xenferry "$@")
    COMP_CWORD=$#
    _xenferry
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '--noprofile', '-c', text, 'bash', ...typed], { cwd: dir });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('the completion of bash', () => {
  beforeAll(() => {
    const program = join(dir, 'xenferry');
    writeFileSync(program, '#!/bin/sh\necho "$@" >> asked\nprintf "web1\\nweb2\\ndb1\\n"\n');
    chmodSync(program, 0o755);
  });

  it('offers verbs, words below a verb, options and their values', async () => {
    expect(await offered('mig')).toEqual(['migrate', 'migrate-receive']);
    expect((await offered('')).filter((word) => !word.startsWith('-'))).toEqual(
      expect.arrayContaining(VERB_NAMES.filter((verb) => verbs.includes(verb))),
    );
    expect(await offered('pki', 'i')).toEqual(['init', 'issue']);
    expect(await offered('migrate', '--undef')).toEqual(['--undefinesource']);
    expect(await offered('list', '--conn')).toEqual(['--connect']);
    expect(await offered('migrate', '--progress', 'j')).toEqual(['json']);
    expect(await offered('pki', 'issue', '--ho')).toEqual(['--host']);
  });

  it('asks the program for domains of the host that the words name, as bash splits them', async () => {
    expect(await offered('start', 'we')).toEqual(['web1', 'web2']);
    expect(await offered('-c', 'embedded', ':', '///hosts/a', 'migrate', 'd')).toEqual(['db1']);
    expect(readFileSync(join(dir, 'asked'), 'utf8')).toBe(
      'list --all --name\n-c embedded:///hosts/a list --all --name\n',
    );
  });
});

it.each([
  ['zsh', '_xenferry', ['-n']],
  ['fish', 'xenferry.fish', ['--no-execute']],
])('the completion of %s has every verb, and %s is one where that shell is there to say so', (shell, file, check) => {
  const path = join(dir, 'completions', file);
  const text = readFileSync(path, 'utf8');
  expect(verbs.filter((verb) => !new RegExp(`(?:^\\s+'|-a )${verb}[: ]`, 'm').test(text))).toEqual([]);
  if (!has(shell)) return;
  const { status, stderr } = spawnSync(shell, [...check, path], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
