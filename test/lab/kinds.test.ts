import { describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB } from './support/lab-host.js';
import { moveWhole } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';
import { certify, serve } from './support/serving.js';

describe('every kind of guest moves, over every transport', () => {
  nothingLeft();

  it('a live PVH guest goes over ssh alone, and is named anew', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    const moved = await moveWhole({
      name,
      newName: `${name}new`,
      from: hostA,
      uri: 'xen+ssh://root@host-b/system',
      options: `--live --transport ssh --dname ${name}new`,
    });
    expect(moved).toMatchObject({ transport: 'ssh' });
  });

  it('a busy PVH guest goes over tls to a host that serves', async () => {
    await certify(hostA, hostB);
    const { name } = await startGuest(hostA, 'busy');
    await using _serving = await serve(hostB);
    const moved = await moveWhole({
      name,
      from: hostA,
      uri: 'xen+tls://host-b/system',
      options: '--live --tls-dir /root/tls',
    });
    expect(moved).toMatchObject({ transport: 'tls' });
    // While its memory was copied it wrote on: more than the first round was needed.
    expect(Number(moved.rounds)).toBeGreaterThan(1);
  });

  it('a live HVM guest goes with its device model, over ssh+tls to a host that serves', async () => {
    await certify(hostA, hostB);
    const { name } = await startGuest(hostA, 'hvm');
    await using _serving = await serve(hostB);
    const moved = await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system' });
    expect(moved).toMatchObject({ transport: 'ssh+tls' });
    expect(await hostB.ok('pgrep -f qemu-system -c')).toMatch(/^[1-9]/);
    // The daemon took the login in, without a process for it.
    expect(await hostB.ok('cat /tmp/serve.log')).toContain('an ssh login arrived');
  });

  it('a PV guest goes paused', async () => {
    const { name } = await startGuest(hostA, 'pv');
    await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system', options: '' });
  });
});
