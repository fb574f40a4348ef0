import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB } from './support/lab-host.js';
import { moveWhole } from './support/moved.js';
import { remains, settledRemains } from './support/remains.js';
import { certify, serve } from './support/serving.js';

describe('guests move between real Xen hosts', () => {
  const before = new Map<string, readonly string[]>();
  beforeEach(async () => {
    for (const host of [hostA, hostB]) before.set(host.name, await remains(host));
  });
  afterEach(async () => {
    for (const host of [hostA, hostB]) {
      for (const name of await host.domains()) await host.run(`xl destroy ${name}`);
    }
    // No domain, xenstore node, program, descriptor of a daemon, or file stays behind, however it went.
    for (const host of [hostA, hostB]) {
      const was = before.get(host.name) ?? [];
      expect(await settledRemains(host, was)).toEqual(was);
    }
  });

  it('S01: a live PVH guest goes over ssh+tls and comes back', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    const there = await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system' });
    expect(there).toMatchObject({ transport: 'ssh+tls' });
    await moveWhole({ name, from: hostB, uri: 'xen+ssh://root@host-a/system' });
  });

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

  it('a live HVM guest goes with its device model', async () => {
    const { name } = await startGuest(hostA, 'hvm');
    await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system' });
    expect(await hostB.ok('pgrep -f qemu-system -c')).toMatch(/^[1-9]/);
  });

  it('a PV guest goes paused', async () => {
    const { name } = await startGuest(hostA, 'pv');
    await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system', options: '' });
  });

  it('domain 0 stays', async () => {
    const { status, stdout } = await hostA.run('xenferry migrate --live 0 xen+ssh://root@host-b/system --json');
    expect(status).not.toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'failed', guest: 'untouched' });
    await hostA.ok('xl info >/dev/null');
  });
});
