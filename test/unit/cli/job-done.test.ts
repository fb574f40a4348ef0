import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { chosenVerb } from '../../../src/cli/choose-verb.js';
import { LocalHost, never } from '../../support/local-host.js';

it('domjobabort of a job that completes all the same fails, and says how to see its result', async () => {
  await using local = await LocalHost.make();
  const job = await local.host.jobs.take(randomUUID(), 'web1', 'saving', never, { operation: 'save' });
  // It was in its last step: it ends after the request has been answered, as completed.
  job.cancel.addEventListener('abort', () => setImmediate(() => job[Symbol.dispose]()));
  const run = await chosenVerb(['-c', `embedded://${local.dir}`, 'domjobabort', 'web1']);
  await expect(run?.()).rejects.toMatchObject({
    code: 'E_TOOLSTACK_JOB_DONE',
    hint: expect.stringContaining('domjobinfo --completed') as unknown,
  });
});
