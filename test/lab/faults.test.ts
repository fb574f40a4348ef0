import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chosenCases, type Ending, type FaultCase } from './faults/cases.js';
import { isRunning, leftovers } from './faults/facts.js';
import { Rig, type Moved } from './faults/rig.js';
import { oneStory } from './faults/ticks.js';
import { lastTick } from './support/lab-guest.js';

/*
 * Faults on real Xen, one after the other on the same guest: what a case leaves behind is what the next attempt has to
 * succeed on, and the last of all is a plain migration. XENFERRY_LAB_FAULTS=3,7-9 runs those alone;
 * XENFERRY_LAB_FAULTS_AGAIN=1 makes a whole second attempt after each that did not arrive, for twice the time.
 */

const AGAIN = process.env.XENFERRY_LAB_FAULTS_AGAIN === '1';

const rig = new Rig();
let failed = false;

beforeAll(() => rig.open());
afterAll(() => rig.close());
beforeEach(async () => {
  if (failed) await rig.renew();
  failed = false;
});

describe('a fault strikes a migration between real Xen hosts', () => {
  for (const one of chosenCases(process.env.XENFERRY_LAB_FAULTS ?? '')) {
    it(`${one.covers}: ${one.id}: ${one.name}`, async () => {
      failed = true;
      await runCase(one);
      failed = false;
    });
  }

  it('after all of that the guest moves, whole', async () => {
    const { from, tick } = rig;
    await rig.begin();
    await moveAgain();
    const left = await lastTick(from, rig.name);
    await rig.ticksOn(left.number, true);
    await oneStory(rig.name, tick.number, tick.digest);
  });
});

async function runCase(one: FaultCase): Promise<void> {
  const startedAt = Date.now();
  const seconds = (): string => ((Date.now() - startedAt) / 1000).toFixed(0);
  const { from, to } = rig;
  const since = rig.tick.number;
  await rig.begin();
  await rig.strike(from, one.before?.source);
  await rig.strike(to, one.before?.dest);
  const [moved] = await Promise.all([
    rig.move(one.options),
    rig.strike(from, one.atSource),
    rig.strike(to, one.atDest).then(() => (one.cutsPower === true ? rig.cutPower(to) : undefined)),
  ]);
  const attempt = seconds();
  await rig.strike(from, one.after?.source);
  await rig.strike(to, one.after?.dest);

  const ending = endingOf(moved);
  expect(one.endings, moved.text).toContain(ending);
  saysWhere(one, ending, moved);

  // Nobody does anything from here on: the daemons settle what is open.
  const { source, dest, isSettled } = await rig.settled();
  const seen = JSON.stringify({ moved, source, dest }, undefined, 1);
  expect(isSettled, seen).toBe(true);
  const settled = seconds();
  expect([...leftovers(source), ...leftovers(dest)], seen).toEqual([]);

  if (ending === 'stopped') {
    // It never arrives, and what its definition says becomes of it at the source.
    expect(dest.domains, seen).toEqual([]);
    tell(one, `${ending}; ${source.domains.length} copies at the source; ${attempt} s, settled at ${settled} s`);
    await rig.renew();
    return;
  }
  const copies = [...source.domains, ...dest.domains];
  expect(
    copies.map(({ name }) => name),
    seen,
  ).toEqual([rig.name]);
  expect(copies.every(isRunning), seen).toBe(true);
  const hasArrived = dest.domains.length === 1;
  if (ending === 'home') expect(hasArrived, seen).toBe(false);
  if (ending === 'arrived') expect(hasArrived, seen).toBe(true);

  const { digest } = rig.tick;
  const before = await lastTick(from, rig.name);
  if (hasArrived) rig.turn();
  else if (AGAIN) await moveAgain();
  await rig.ticksOn(before.number, hasArrived || AGAIN);
  await oneStory(rig.name, since, digest);
  const place = hasArrived ? `it runs at ${rig.from.name}` : AGAIN ? 'a second attempt succeeded' : 'it runs on';
  tell(one, `${ending}, ${place}; ${attempt} s, settled at ${settled} s, all in ${seconds()} s`);
}

/** A plain migration, which must succeed and leave nothing. */
async function moveAgain(): Promise<void> {
  const again = await rig.move();
  expect(again.result, again.text).toMatchObject({ result: 'done', running: true });
  const { source, dest } = await rig.settled();
  expect([...source.domains, ...leftovers(source), ...leftovers(dest)]).toEqual([]);
  rig.turn();
}

function endingOf({ result, exit, text }: Moved): Ending {
  if (result === undefined) return 'silent';
  if (result.result === 'done') return 'arrived';
  switch (result.guest) {
    case 'untouched':
    case 'source-running':
      return 'home';
    case 'source-stopped':
      return 'stopped';
    case 'in-doubt':
      expect(exit).toBe(5);
      return 'in-doubt';
    default:
      throw new Error(`where is the guest? ${text}`);
  }
}

const SENTENCES: Partial<Record<Ending, RegExp>> = {
  home: /the guest runs at the source/,
  stopped: /no longer running at the source/,
  'in-doubt': /whether it runs at the destination is not known/,
};

/** The error is named, says where the guest is, and what to do. */
function saysWhere({ code }: FaultCase, ending: Ending, { result, text }: Moved): void {
  if (result === undefined || ending === 'arrived') return;
  expect(result.code, text).toMatch(code ?? /^E_(?!BUG)/);
  expect(String(result.hint).length, text).toBeGreaterThan(3);
  const sentence = SENTENCES[ending];
  if (sentence !== undefined && result.guest !== 'untouched') expect(result.message, text).toMatch(sentence);
}

function tell({ id, name }: FaultCase, text: string): void {
  process.stderr.write(`case ${id}, ${name}: ${text}\n`);
}
