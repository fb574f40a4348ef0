import { afterEach, describe, expect, it } from 'vitest';
import { lastTick, startGuest, tickBeyond, TICKS_A_DIGEST } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { moveWhole, otherHost } from './support/moved.js';

const MOVE_MS = 800_000;

describe('xl as a peer', () => {
  afterEach(async () => {
    for (const host of [hostA, hostB]) {
      for (const name of await host.domains()) await host.run(`xl destroy ${name}`);
    }
  });

  it('a guest goes to a host that has nothing but xl, and a stock xl sends it back', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    const there = await moveWhole({ name, from: hostA, uri: 'xl+ssh://root@host-b' });
    expect(there).toMatchObject({ transport: 'xl+ssh', lanes: 1 });
    await sentByXl(name, hostB, `-s '' ${name} 'ssh root@host-a xenferry migrate-receive'`);
  });

  it('a guest that xenferry saved is restored by xl, and the other way round', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    await hostA.ok(`xenferry save ${name} /tmp/saved`, MOVE_MS);
    expect(await hostA.domains()).toEqual([]);
    const before = await lastTick(hostA, name);
    await hostA.ok('xl restore /tmp/saved', MOVE_MS);
    const after = await tickBeyond(hostA, name, before.number + TICKS_A_DIGEST);
    expect(after.digest).toBe(before.digest);

    await hostA.ok(`xl save ${name} /tmp/saved`, MOVE_MS);
    const again = await lastTick(hostA, name);
    await hostA.ok('xenferry restore /tmp/saved && rm /tmp/saved', MOVE_MS);
    const end = await tickBeyond(hostA, name, again.number + TICKS_A_DIGEST);
    expect(end.digest).toBe(before.digest);
  });
});

/** `xl migrate` with these words, and the checks of every move. */
async function sentByXl(name: string, from: LabHost, words: string): Promise<void> {
  const to = otherHost(from);
  await from.ok(`xl migrate ${words}`, MOVE_MS);
  const left = await lastTick(from, name);
  expect(await from.domains()).toEqual([]);
  expect(await to.domains()).toEqual([name]);
  const arrived = await tickBeyond(to, name, left.number + TICKS_A_DIGEST);
  expect(arrived.digest).toBe(left.digest);
}
