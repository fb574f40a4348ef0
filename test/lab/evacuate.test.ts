import { describe, expect, it } from 'vitest';
import { lastTick, startGuest, tickBeyond, TICKS_A_DIGEST } from './support/lab-guest.js';
import { hostA, hostB } from './support/lab-host.js';
import { PATIENCE } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';

const EVACUATE_MS = 1_600_000;

describe('a real host is emptied', () => {
  nothingLeft();

  it('of both its guests, which run on at the other one, whole', async () => {
    const guests = [await startGuest(hostA, 'pvh'), await startGuest(hostA, 'busy')];
    const names = guests.map(({ name }) => name);
    const plan = await hostA.ok('xenferry evacuate --to xen+ssh://root@host-b/system --dry-run');
    for (const name of names) expect(plan).toMatch(new RegExp(`^${name} .*xen\\+ssh://root@host-b/system$`, 'm'));
    expect((await hostA.domains()).toSorted()).toEqual(names.toSorted());

    const { status, stdout, stderr } = await hostA.run(
      `xenferry evacuate --to xen+ssh://root@host-b/system ${PATIENCE} --json`,
      EVACUATE_MS,
    );
    expect(status, `${stdout}${stderr.slice(-4000)}`).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'done', left: [] });
    expect(await hostA.domains()).toEqual([]);
    expect((await hostB.domains()).toSorted()).toEqual(names.toSorted());
    for (const name of names) {
      const left = await lastTick(hostA, name);
      const arrived = await tickBeyond(hostB, name, left.number + TICKS_A_DIGEST);
      expect(arrived.digest).toBe(left.digest);
    }
  });
});
