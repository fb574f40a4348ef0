import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { dumpXml } from '../../../../src/operations/lifecycle/details.js';
import type { ImpactFlags } from '../../../../src/operations/definition/impact.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { setScheduling, shownScheduling } from '../../../../src/operations/tuning/scheduling.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import type { SchedulingChange } from '../../../../src/toolstack/toolstack.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never } from '../../../support/local-host.js';
import { moveBetween } from '../../../support/moving.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const flags = (words = ''): ImpactFlags => ({
  live: words.includes('live'),
  config: words.includes('config'),
  current: words.includes('current'),
});

let local: LocalHost;
beforeEach(async () => {
  local = await LocalHost.make();
  const xml = guestXml({ name: 'web1', uuid: UUID, mib: 8 }).replace('<vcpu>1<', '<vcpu>2<');
  await define(local.host, xml, { validate: true, signal: never });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const run = (): Promise<unknown> => start(local.host, 'web1', BOOT);
const shown = (words?: string): Promise<unknown> => shownScheduling(local.host, 'web1', flags(words), never);
const set = (change: SchedulingChange, words?: string): Promise<unknown> =>
  setScheduling(local.host, 'web1', { ...change, flags: flags(words), signal: never });
const hostIs = (more: object): void => writeFileSync(local.path('host.json'), JSON.stringify(more));
const config = (weight?: number): object => ({ scheduler: undefined, weight, cap: undefined });

describe('S35, L02: weight and cap', () => {
  it.each(['credit', 'credit2'])('are both true by %s; setting one keeps the other', async (scheduler) => {
    hostIs({ scheduler });
    await run();
    expect(await shown()).toEqual({ scheduler, weight: 256, cap: 0 });
    expect(await set({ weight: 500, cap: 50 })).toEqual({ scheduler, weight: 500, cap: 50 });
    expect(await set({ cap: 200 })).toEqual({ scheduler, weight: 500, cap: 200 });
    expect(await set({ weight: 1 })).toEqual({ scheduler, weight: 1, cap: 200 });
    expect(await set({ cap: 0 })).toEqual({ scheduler, weight: 1, cap: 0 });
    expect(await shown('live')).toEqual({ scheduler, weight: 1, cap: 0 });
    expect(await shown('config')).toEqual(config());
  });

  it.each(['sedf', 'arinc653', 'rtds', 'null'])('are none of %s: it is named', async (scheduler) => {
    await run();
    hostIs({ scheduler });
    const refused = { code: 'E_REFUSED_UNSUPPORTED', message: expect.stringContaining(` ${scheduler},`) as string };
    await expect(shown()).rejects.toMatchObject(refused);
    await expect(set({ weight: 500 })).rejects.toMatchObject(refused);
    await expect(set({ weight: 500 }, 'live config')).rejects.toMatchObject(refused);
    expect(await shown('config')).toEqual(config());
  });

  it('have bounds, and nothing is changed beyond them', async () => {
    await run();
    for (const weight of [0, -1, 65_536, 1.5, Number.NaN]) {
      await expect(set({ weight, cap: 50 })).rejects.toMatchObject({ code: 'E_USAGE_SCHEDULING' });
    }
    for (const cap of [-1, 0.5])
      await expect(set({ weight: 5, cap })).rejects.toMatchObject({ code: 'E_USAGE_SCHEDULING' });
    await expect(set({ weight: 5, cap: 201 })).rejects.toMatchObject({
      code: 'E_REFUSED_OVER_MAXIMUM',
      message: 'a cap of 201 exceeds 200, the sum of the 2 processors that domain web1 can have',
    });
    expect(await shown()).toMatchObject({ weight: 256, cap: 0 });
  });

  it('a weight is kept for the next start; a cap is not, and then nothing is', async () => {
    expect(await set({ weight: 512 })).toEqual(config(512));
    expect(await shown()).toEqual(config(512));
    await expect(set({ cap: 50 })).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
    await run();
    expect(await shown()).toMatchObject({ weight: 512, cap: 0 });
    await expect(set({ weight: 1, cap: 50 }, 'live config')).rejects.toMatchObject({
      code: 'E_REFUSED_UNSUPPORTED',
      message: expect.stringContaining('has no element') as string,
    });
    expect(await shown()).toMatchObject({ weight: 512, cap: 0 });
    expect(await set({ weight: 300 }, 'live config')).toMatchObject({ scheduler: 'credit2', weight: 300 });
    expect(await shown('config')).toEqual(config(300));
    await set({ weight: 400, cap: 50 });
    await destroyDomain(local.host, 'web1', never);
    await run();
    expect(await shown()).toMatchObject({ weight: 300, cap: 0 });
  });

  it('ask for what runs where nothing runs, for two answers, and for domain 0: refused', async () => {
    await expect(shown('live')).rejects.toMatchObject({ code: 'E_REFUSED_NOT_RUNNING' });
    await expect(set({ weight: 5 }, 'live')).rejects.toMatchObject({ code: 'E_REFUSED_NOT_RUNNING' });
    await run();
    await expect(shown('live config')).rejects.toMatchObject({ code: 'E_USAGE_IMPACT' });
    const transient = guestXml({ name: 'once', mib: 8 });
    await createDomain(local.host, transient, { paused: false, validate: true, signal: never });
    await expect(shownScheduling(local.host, 'once', flags('config'), never)).rejects.toMatchObject({
      code: 'E_REFUSED_TRANSIENT',
    });
    for (const zero of ['0', 'Domain-0']) {
      const request = { weight: 5, flags: flags(), signal: never };
      await expect(setScheduling(local.host, zero, request)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
      await expect(shownScheduling(local.host, zero, flags(), never)).rejects.toMatchObject({
        code: 'E_REFUSED_DOMAIN0',
      });
    }
  });

  it('S25: a toolstack that has no calls for it is asked before', async () => {
    await run();
    hostIs({ lacks: ['scheduling'] });
    const refused = { code: 'E_REFUSED_UNSUPPORTED', message: expect.stringContaining('lacks scheduling') as string };
    await expect(shown()).rejects.toMatchObject(refused);
    await expect(set({ weight: 5 })).rejects.toMatchObject(refused);
    expect(await set({ weight: 5 }, 'config')).toEqual(config(5));
  });

  it('a change is no reader’s to make: who waits for the domain’s job is told who has it', async () => {
    await run();
    using _job = await local.host.jobs.take(UUID, 'web1', 'being looked after', never);
    expect(await shown()).toMatchObject({ weight: 256 });
    const soon = AbortSignal.timeout(200);
    const request = { weight: 5, flags: flags(), signal: soon };
    await expect(setScheduling(local.host, 'web1', request)).rejects.toBeDefined();
    expect(await shown()).toMatchObject({ weight: 256 });
  });
});

describe('S35: a guest that moves', () => {
  it('keeps weight and cap, and its definition keeps its own weight', async () => {
    await using to = await LocalHost.make();
    await set({ weight: 512 });
    await run();
    await set({ weight: 500, cap: 50 });
    const { place } = await moveBetween(local, to, { persistent: true });
    expect(place).toBe('destination');
    const there = (words: string): Promise<unknown> => shownScheduling(to.host, 'web1', flags(words), never);
    expect(await there('live')).toEqual({ scheduler: 'credit2', weight: 500, cap: 50 });
    expect(await there('config')).toEqual(config(512));
    expect(await dumpXml(to.host, 'web1', { securityInfo: false })).toContain('<shares>500</shares>');
  });
});
