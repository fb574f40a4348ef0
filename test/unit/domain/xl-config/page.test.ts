import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { KEY_TABLE } from '../../../../src/domain/xl-config/key-table.js';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/xl-config-page.mjs', import.meta.url));
const run = promisify(execFile);

it('docs/reference/xl-config.md is what the table of keys generates', async () => {
  await expect(run(process.execPath, [SCRIPT, '--check'])).resolves.toMatchObject({ stderr: '' });
});

it('the page has a row for each key', async () => {
  const { stdout } = await run(process.execPath, [SCRIPT]);
  const shown = [...stdout.matchAll(/^\| `([a-z_0-9]+)`/gm)].map((match) => match[1]);
  expect(shown).toEqual(KEY_TABLE.map(({ key }) => key));
});
