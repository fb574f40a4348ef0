import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/ledger.mjs', import.meta.url));

it('each feature and fault names its proof or says that it is open, and each id in a title has a row', async () => {
  await expect(promisify(execFile)(process.execPath, [SCRIPT, '--check'])).resolves.toMatchObject({ stderr: '' });
});
