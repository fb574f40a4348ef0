import { describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB } from './support/lab-host.js';
import { moveWhole } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';

describe('a guest moves between real Xen hosts', () => {
  nothingLeft();

  it('S01: a live PVH guest goes over ssh+tls and comes back', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    const there = await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system' });
    expect(there).toMatchObject({ transport: 'ssh+tls' });
    await moveWhole({ name, from: hostB, uri: 'xen+ssh://root@host-a/system' });
  });

  it('domain 0 stays', async () => {
    const { status, stdout } = await hostA.run('xenferry migrate --live 0 xen+ssh://root@host-b/system --json');
    expect(status).not.toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'failed', guest: 'untouched' });
    await hostA.ok('xl info >/dev/null');
  });
});
