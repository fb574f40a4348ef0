import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { loadVerbs } from '../../../src/cli/verbs.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/verbs.mjs', import.meta.url));
const run = promisify(execFile);

it('docs/reference/cli.md is what the program generates', async () => {
  await expect(run(process.execPath, [SCRIPT, '--check'])).resolves.toMatchObject({ stderr: '' });
});

it('the page has every verb that has a description, with its options and an example', async () => {
  const { stdout } = await run(process.execPath, [SCRIPT]);
  const shown = new Set([...stdout.matchAll(/^### `([\w-]+)/gm)].map((match) => match[1]));
  const verbs = (await loadVerbs([])).filter(({ describe }) => describe !== false);
  const missing = verbs.map(({ command }) => String(command).split(' ')[0]).filter((verb) => !shown.has(verb));
  expect(missing).toEqual([]);
  expect(stdout).toMatch(/^### `migrate DOMAIN DESTURI`\n\nmove a domain to another host\.$/m);
  expect(stdout).toMatch(/^- `--undefinesource`: .+$/m);
  expect(stdout).toMatch(/^xenferry migrate --live web1 xen\+tls:/m);
});

it('the help has characters of one column only: the bundle lays it out without what others need', async () => {
  const { stdout } = await run(process.execPath, [SCRIPT]);
  expect(stdout).toMatch(/^[\n\x20-\x7e…]+$/);
});
