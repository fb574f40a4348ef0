import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { ReceivingEnd } from '../../../../src/tunnel/ssh/receiving-end.js';
import { withShortTimeout } from '../../../support/short-timeouts.js';
import { TempFolder } from '../../toolstack/rig.js';

it('a dialling side that sends no greeting is given up, and no link comes of it', async () => {
  using temp = new TempFolder();
  const stdio = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const links: unknown[] = [];
  await withShortTimeout(30_000, () =>
    expect(
      ReceivingEnd.open(
        {
          stdio,
          runtimeDir: temp.path,
          peer: { transport: 'ssh', name: 'root@ssh', address: '192.0.2.1:22' },
          onLink: (link) => links.push(link),
        },
        new AbortController().signal,
      ),
    ).rejects.toMatchObject({ code: 'E_DEADLINE_SSH_GREETING' }),
  );
  expect(links).toEqual([]);
  expect(stdio.destroyed).toBe(true);
});
