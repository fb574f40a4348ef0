import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseFolder } from '../../../../src/host/leases/lease-folder.js';
import type { Holder, LeaseRecord } from '../../../../src/host/leases/lease-record.js';
import { never } from '../../../support/local-host.js';

const KEY = 'a'.repeat(64);
const holder = (n: number): Holder => ({
  host: `hv${n}`,
  hostId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  uuid: `00000000-0000-4000-9000-${String(n).padStart(12, '0')}`,
  name: `web${n}`,
  mode: 'exclusive',
  since: '2026-11-23T10:00:00.000Z',
});
const record = (...holders: Holder[]): LeaseRecord => ({ version: 1, disk: '/srv/a.img', holders });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-leases-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a lease folder', () => {
  it('has one taker of many at once, however many hosts try', async () => {
    const takers = Array.from({ length: 24 }, (_, n) => n + 1);
    const got = await Promise.all(
      takers.map(async (n) => {
        let last: number | undefined;
        await new LeaseFolder(dir).change(
          KEY,
          (current) => {
            last = current === undefined || current.holders.length === 0 ? n : undefined;
            return Promise.resolve(last === undefined ? undefined : record(holder(n)));
          },
          never,
        );
        return last;
      }),
    );
    const winners = got.flatMap((n) => n ?? []);
    expect(winners).toHaveLength(1);
    const now = await new LeaseFolder(dir).read(KEY, never);
    expect(now).toEqual({ epoch: 1, record: record(holder(winners[0])) });
  });

  it('loses no change of many at once', async () => {
    const all = Array.from({ length: 12 }, (_, n) => n + 1);
    await Promise.all(
      all.map((n) =>
        new LeaseFolder(dir).change(
          KEY,
          (current) => Promise.resolve(record(...(current?.holders ?? []), { ...holder(n), mode: 'shared' })),
          never,
        ),
      ),
    );
    const now = await new LeaseFolder(dir).read(KEY, never);
    expect(now?.epoch).toBe(12);
    expect(now?.record.holders.map(({ name }) => name).sort()).toEqual(all.map((n) => `web${n}`).sort());
    // Drafts are gone.
    expect(readdirSync(join(dir, KEY)).filter((name) => !name.endsWith('.json'))).toEqual([]);
  });

  it('does not take a number that is free again for the next one', async () => {
    const folder = new LeaseFolder(dir);
    await folder.change(KEY, () => Promise.resolve(record(holder(1))), never);
    let slow = true;
    await folder.change(
      KEY,
      async (current) => {
        if (slow) {
          slow = false;
          // Meanwhile others go many steps on, and clean up: number 2 has been, and is free.
          for (let step = 0; step < 40; step += 1) {
            await folder.change(KEY, () => Promise.resolve(record(holder(3))), never);
          }
          expect(readdirSync(join(dir, KEY))).not.toContain('000000000002.json');
        }
        return current?.holders[0].name === 'web1' ? record(holder(4)) : undefined;
      },
      never,
    );
    expect((await folder.read(KEY, never))?.record).toEqual(record(holder(3)));
    expect(readdirSync(join(dir, KEY))).toHaveLength(16);
  });

  it('passes over what a crash left, and removes it', async () => {
    mkdirSync(join(dir, KEY));
    writeFileSync(join(dir, KEY, '000000000001.0f0f.new'), '{"vers');
    const folder = new LeaseFolder(dir);
    expect(await folder.read(KEY, never)).toBeUndefined();
    await folder.change(KEY, () => Promise.resolve(record(holder(1))), never);
    await folder.change(KEY, () => Promise.resolve(record()), never);
    expect(readdirSync(join(dir, KEY))).toEqual(['000000000001.json', '000000000002.json']);
  });

  it('does not guess where a record is damaged', async () => {
    mkdirSync(join(dir, KEY));
    writeFileSync(join(dir, KEY, '000000000007.json'), '{}');
    await expect(new LeaseFolder(dir).read(KEY, never)).rejects.toMatchObject({
      code: 'E_SYSTEM_LEASES',
      message: expect.stringContaining('000000000007.json is damaged') as string,
    });
  });

  it('has an id that all hosts agree on, also when they look first at once', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => new LeaseFolder(dir).id(never)));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('says what to do where it is not there', async () => {
    const folder = new LeaseFolder(join(dir, 'not-mounted'));
    await expect(folder.id(never)).rejects.toMatchObject({
      code: 'E_SYSTEM_LEASES',
      hint: expect.stringContaining('Mount') as string,
    });
    await expect(folder.change(KEY, () => Promise.resolve(record()), never)).rejects.toMatchObject({
      code: 'E_SYSTEM_LEASES',
    });
  });
});
