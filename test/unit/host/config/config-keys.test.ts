import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { expect, it } from 'vitest';
import { CONFIG_KEYS, parseConfig } from '../../../../src/host/config/config.js';
import { CONFIG_TEXTS } from '../../../../src/host/config/config-keys.js';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const EXAMPLE = read('examples/xenferry.conf');
const PAGE = read('docs/reference/configuration.md');

/** The keys of the example file, those that are commented out too; the keys of a table as `TABLE.KEY`. */
function keysOf(text: string): string[] {
  let table = '';
  return text.split('\n').flatMap((line) => {
    const opened = /^#?\[([a-z_]+)\]$/.exec(line)?.[1];
    if (opened !== undefined) table = `${opened}.`;
    const key = /^#?([a-z_]+) = /.exec(line)?.[1];
    return key === undefined ? [] : [table + key];
  });
}

it('each key of the schema has a text, and each text a key', () => {
  expect(Object.keys(CONFIG_TEXTS).sort()).toEqual([...CONFIG_KEYS].sort());
});

it('the example file names the keys of the schema', () => {
  expect(keysOf(EXAMPLE).sort()).toEqual([...CONFIG_KEYS].sort());
  expect(keysOf('#[deadlines]\n# Text.\n#connect = 30\n')).toEqual(['deadlines.connect']);
});

it('the page has a row for each key, with its text', () => {
  const rows = [...PAGE.matchAll(/^\| `([a-z_.]+)` +\| (.*?) +\|/gm)].map(([, key, meaning]) => [key, meaning]);
  expect(rows).toEqual(Object.entries(CONFIG_TEXTS).map(([key, { meaning }]) => [key, meaning]));
});

it('the schema takes the example of each key', () => {
  for (const [key, { example }] of Object.entries(CONFIG_TEXTS)) {
    const [name, table] = key.split('.').reverse() as [string, string | undefined];
    const lease = key === 'lock_manager' ? '\nlease_dir = "/srv/leases"' : '';
    const text = `${table === undefined ? '' : `[${table}]\n`}${name} = ${example}${lease}\n`;
    expect(() => parse(text)).not.toThrow();
    expect(() => parseConfig(text, 'x.conf'), key).not.toThrow();
  }
});
