import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MigrationSlots } from '../../../../src/host/jobs/migration-slots.js';

const never = new AbortController().signal;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-slots-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const folder = (): string => join(root, 'slots');
const tickets = (): string[] => readdirSync(folder()).filter((name) => name.includes('.ticket'));

describe('migration slots', () => {
  it('lets in as many as it may, and the others in the order in which they came', async () => {
    // Two processes of one host have an object each.
    const [one, other] = [new MigrationSlots(folder(), 2), new MigrationSlots(folder(), 2)];
    const first = await one.take('first', never);
    const second = await other.take('second', never);
    const places: string[] = [];
    const order: string[] = [];
    const enter = async (slots: MigrationSlots, name: string): Promise<void> => {
      using _slot = await slots.take(name, never, (place, limit) => places.push(`${name} ${place}/${limit}`));
      order.push(name);
    };
    const third = enter(one, 'third');
    const fourth = enter(one, 'fourth');
    expect(one.waiting).toBe(2);
    expect(places).toEqual(['third 1/2', 'fourth 2/2']);
    first[Symbol.dispose]();
    await third;
    await fourth;
    second[Symbol.dispose]();
    expect(order).toEqual(['third', 'fourth']);
    expect(tickets()).toEqual([]);
  });

  it('gives up when it is told to, with the limit and the place, and leaves the queue', async () => {
    const slots = new MigrationSlots(folder(), 1);
    using _taken = await slots.take('first', never);
    const stop = new AbortController();
    const waiting = slots.take('second', stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'E_REFUSED_LIMIT', data: { limit: 1, place: 1 } });
    expect(tickets()).toEqual([]);
  });

  it('F1: the ticket of a dead process holds nobody up', async () => {
    const slots = new MigrationSlots(folder(), 1);
    (await slots.take('first', never))[Symbol.dispose]();
    writeFileSync(join(folder(), '0000000000000001-dead.ticket'), 'dead');
    using _slot = await slots.take('second', AbortSignal.timeout(5000));
    expect(tickets()).toEqual([]);
  });

  it('without a limit nobody waits, and no file is made', async () => {
    const slots = new MigrationSlots(folder(), undefined);
    using _one = await slots.take('one', never);
    using _two = await slots.take('two', never);
    expect(readdirSync(root)).toEqual([]);
  });
});
