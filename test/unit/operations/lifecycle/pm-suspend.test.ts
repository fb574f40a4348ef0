import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isMissed } from '../../../../src/host/events/event.js';
import { migrate } from '../../../../src/migration/migrate.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { listDomains } from '../../../../src/operations/lifecycle/list.js';
import { resumeDomain, suspendDomain } from '../../../../src/operations/lifecycle/pause.js';
import { pmSuspendDomain, pmWakeUpDomain } from '../../../../src/operations/lifecycle/pm-suspend.js';
import { domainState } from '../../../../src/operations/lifecycle/domain-state.js';
import { destroyDomain, rebootDomain, shutdownDomain } from '../../../../src/operations/lifecycle/power.js';
import { save } from '../../../../src/operations/saving/save.js';
import { reconnect } from '../../../../src/operations/watch/reconnect.js';
import { Watcher } from '../../../../src/operations/watch/watcher.js';
import { recover } from '../../../../src/migration/recover/recover.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never, Recorder } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0109';
const MEM = { target: 'mem', duration: 0 } as const;

let local: LocalHost;
let recorder: Recorder;
let reconnected: string[];
beforeEach(async () => {
  recorder = new Recorder();
  reconnected = [];
  const rejoin = {
    name: 'rejoin',
    reconnect: ({ info }: { readonly info: { readonly name: string; readonly state: string } }) => {
      reconnected.push(`${info.name} ${info.state}`);
      return Promise.resolve();
    },
  };
  local = await LocalHost.make({ participants: [recorder, rejoin] });
  await createDomain(local.host, guestXml({ name: 'web', uuid: UUID, mib: 8 }), {
    ...{ paused: false, validate: false, signal: never },
  });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const state = async (): Promise<string> => {
  const { state: is, reason } = await domainState(local.host, 'web');
  return `${is} (${reason})`;
};
const fail = (fault: string): void =>
  writeFileSync(local.path('faults.json'), JSON.stringify([{ fault, count: 1, timeoutMs: 1 }].map(trimmed)));
const trimmed = ({ timeoutMs, ...one }: { fault: string; count: number; timeoutMs: number }): object =>
  one.fault === 'refuse-suspend' ? { ...one, timeoutMs } : one;
const toFile = (file: string): Promise<unknown> =>
  save(local.host, {
    ...{ domain: 'web', file, checkpoint: false, unpause: false, signal: never, onEvent: () => undefined },
  });

describe('L09: a guest that is suspended to memory', () => {
  it('keeps its memory and uses no processor until it is woken, and both are told', async () => {
    const told: string[] = [];
    const events = local.host.events.subscribe();
    recorder.take();
    await pmSuspendDomain(local.host, 'web', MEM, never);
    expect(await state()).toBe('pmsuspended (unknown)');
    expect((await listDomains(local.host, { stateOther: true })).domains).toMatchObject([{ state: 'pmsuspended' }]);
    const { domid } = await local.host.find('web');
    const before = await local.host.toolstack.guestReport(domid);
    expect(await local.host.toolstack.guestReport(domid)).toEqual(before);
    await pmWakeUpDomain(local.host, 'web', never);
    expect(await state()).toBe('running (wakeup)');
    await expect
      .poll(async () => (await local.host.toolstack.guestReport(domid))?.ticks, { timeout: 20_000 })
      .toBeGreaterThan(before?.ticks ?? Infinity);
    expect((await local.host.toolstack.guestReport(domid))?.bad).toBe(0);
    expect(recorder.take()).toEqual(['pmsuspended/memory web', 'started/wakeup web']);
    for await (const event of events) {
      if (isMissed(event) || event.what.type !== 'lifecycle') continue;
      told.push(`${event.what.change.event} ${event.what.change.detail}`);
      if (told.length === 2) break;
    }
    expect(told).toEqual(['pmsuspended memory', 'started wakeup']);
  });

  it('is no unfinished save: another process, a daemon that starts, the watch and `recover` know it for what it is', async () => {
    await pmSuspendDomain(local.host, 'web', MEM, never);
    const again = await local.open();
    expect((await domainState(again, 'web')).state).toBe('pmsuspended');
    const { found } = await reconnect(again, { rebooted: false, signal: never });
    expect(found).toEqual(['web']);
    expect(reconnected).toHaveLength(1);
    let sweeps = 0;
    await using watcher = new Watcher(again, { sweepMs: 5, onSwept: () => (sweeps += 1) });
    await expect.poll(() => sweeps, { timeout: 20_000 }).toBeGreaterThan(2);
    await watcher.look(UUID);
    const connectTo = (): Promise<never> => Promise.reject(new Error('there is none'));
    expect(await recover(again, { connectTo, signal: never })).toEqual([]);
    expect(await state()).toBe('pmsuspended (unknown)');
    await pmWakeUpDomain(again, 'web', never);
    expect(await state()).toBe('running (wakeup)');
  });

  it('is refused to whatever needs it running, with the way on; destroy ends it', async () => {
    await pmSuspendDomain(local.host, 'web', MEM, never);
    const refused = {
      code: 'E_REFUSED_STATE',
      message: expect.stringContaining('pmsuspended') as string,
      hint: expect.stringContaining('dompmwakeup web') as string,
    };
    const file = join(local.dir, 'web.save');
    await expect(toFile(file)).rejects.toMatchObject(refused);
    await expect(shutdownDomain(local.host, 'web', [], never)).rejects.toMatchObject(refused);
    await expect(rebootDomain(local.host, 'web', [], never)).rejects.toMatchObject(refused);
    await expect(suspendDomain(local.host, 'web', never)).rejects.toMatchObject(refused);
    await expect(resumeDomain(local.host, 'web', never)).rejects.toMatchObject(refused);
    await expect(pmSuspendDomain(local.host, 'web', MEM, never)).rejects.toMatchObject(refused);
    const request = {
      ...{ domain: 'web', destination: 'test', live: true, suspend: false, lanes: 1 },
      ...{ connect: () => Promise.reject(new Error('nothing is asked')), cancel: never, abandon: never },
      onProgress: () => undefined,
    };
    await expect(migrate(local.host, request)).rejects.toMatchObject(refused);
    expect(await state()).toBe('pmsuspended (unknown)');
    await destroyDomain(local.host, 'web', never);
    expect(await local.host.toolstack.list()).toEqual([]);
    expect(local.host.runs.get(UUID)).toBeUndefined();
  });

  it('runs on where it does not suspend, and is noted as before', async () => {
    fail('refuse-suspend');
    await expect(pmSuspendDomain(local.host, 'web', MEM, never)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_GUEST_TIMEDOUT',
    });
    expect(await state()).toBe('running (booted)');
    expect(local.host.runs.get(UUID)).toMatchObject({ state: 'running', reason: 'booted' });
  });

  it('goes to memory only, and wakes when it is woken', async () => {
    const unsupported = { code: 'E_REFUSED_UNSUPPORTED' };
    await expect(pmSuspendDomain(local.host, 'web', { target: 'disk', duration: 0 }, never)).rejects.toMatchObject(
      unsupported,
    );
    await expect(pmSuspendDomain(local.host, 'web', { target: 'mem', duration: 5 }, never)).rejects.toMatchObject(
      unsupported,
    );
    expect(await state()).toBe('running (booted)');
  });
});

describe('L09: what was not suspended to memory on purpose', () => {
  const leaveSuspended = async (): Promise<void> => {
    const { domid } = await local.host.find('web');
    await local.host.toolstack.suspendToMemory(domid);
  };

  it('is not woken: an unfinished save is for `recover` or `resume`', async () => {
    await leaveSuspended();
    expect(await state()).toBe('suspended (suspend)');
    await expect(pmWakeUpDomain(local.host, 'web', never)).rejects.toMatchObject({
      code: 'E_REFUSED_STATE',
      hint: expect.stringMatching(/recover.*resume web/) as string,
    });
    await resumeDomain(local.host, 'web', never);
    expect(await state()).toBe('running (unpaused)');
  });

  it('is not taken for it where another program has woken it, and a save is interrupted then', async () => {
    await pmSuspendDomain(local.host, 'web', MEM, never);
    const { domid } = await local.host.find('web');
    await local.host.toolstack.resume(domid);
    expect(await state()).toBe('running (unknown)');
    fail('save-fails');
    await expect(toFile(join(local.dir, 'web.save'))).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    await leaveSuspended();
    expect(await state()).toBe('suspended (suspend)');
  });

  it('is noted as running by the watch where another program has woken it', async () => {
    await pmSuspendDomain(local.host, 'web', MEM, never);
    const { domid } = await local.host.find('web');
    await local.host.toolstack.resume(domid);
    await using watcher = new Watcher(local.host, { sweepMs: 20 });
    await watcher.look(UUID);
    expect(local.host.runs.get(UUID)).toMatchObject({ state: 'running', domid });
    expect(local.log.join()).toContain('it was suspended to memory, and runs again');
  });
});
