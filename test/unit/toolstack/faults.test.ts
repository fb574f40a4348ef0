import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePipe } from '../../../src/posix/owned-fd.js';
import { readFd } from '../../../src/posix/fd-stream.js';
import type { Domain } from '../../../src/domain/model.js';
import type { Domid } from '../../../src/toolstack/domid.js';
import { monotonicMs } from '../../../src/toolstack/embedded/clock.js';
import { assertNeverTwice, whereIs } from '../../support/oracle.js';
import { guest, never, Rig } from './rig.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => {
  assertNeverTwice([rig.dirA, rig.dirB]);
  rig[Symbol.dispose]();
});

function tell(dir: string, faults: unknown): void {
  writeFileSync(`${dir}/faults.json`, JSON.stringify(faults));
}

async function running(domain: Domain): Promise<Domid> {
  const id = await rig.a.create({ domain });
  await rig.a.unpause(id);
  return id;
}

async function stateOnA(id: Domid): Promise<string> {
  const info = await rig.a.info(id);
  return info?.shutdownReason ?? info?.state ?? 'gone';
}

/** Saves into a pipe that is read; resolves with what came. */
async function save(id: Domid, live = true, signal = never, onBytes?: (count: number) => void): Promise<number> {
  const pipe = makePipe('save');
  const saved = rig.a.save(id, pipe.writeEnd, { live, signal });
  let bytes = 0;
  const read = (async () => {
    for await (const chunk of readFd(pipe.readEnd, never)) {
      bytes += chunk.length;
      onBytes?.(chunk.length);
    }
  })();
  await Promise.all([saved, read]);
  return bytes;
}

/** Resolves when the guest is being restored on b. */
async function building(uuid: string): Promise<void> {
  while (whereIs(uuid, [rig.dirB])[0]?.state !== 'building') await sleep(5);
}

describe('faults of a guest that is saved', () => {
  it('F34: refuse-suspend: the save gives up in time, and the guest runs on', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='refuse-suspend' timeoutMs='50'/>" }));
    await expect(save(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_GUEST_TIMEDOUT' });
    expect(await stateOnA(id)).toBe('running');
    await expect(save(id, false)).rejects.toMatchObject({ code: 'E_TOOLSTACK_GUEST_TIMEDOUT' });
    expect((await rig.a.guestReport(id))?.bad).toBe(0);
  });

  it('crash-on-suspend: the save ends, and the guest is told to have crashed', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='crash-on-suspend'/>" }));
    await expect(save(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_GUEST_STOPPED', data: { reason: 'crash' } });
    expect(await stateOnA(id)).toBe('crash');
    await expect(rig.a.resume(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_NOT_SUSPENDED' });
  });

  it('save-write-slow: the stream takes its time', async () => {
    const id = await running(
      guest({
        workload: "dirtyMiBPerSecond='0'",
        faults: "<embedded:fault name='save-write-slow' bytesPerSecond='30000000'/>",
      }),
    );
    const from = monotonicMs();
    const bytes = await save(id);
    expect(bytes).toBeGreaterThan(8 * 1024 * 1024);
    expect(monotonicMs() - from).toBeGreaterThan((bytes / 30_000_000) * 1000 * 0.9);
  });

  it('save-fails: in precopy the guest never stops', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-fails' afterBytes='3000000'/>" }));
    await expect(save(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT', data: { fault: 'save-fails' } });
    expect(await stateOnA(id)).toBe('running');
    expect((await rig.a.guestReport(id))?.bad).toBe(0);
  });

  it('save-fails: behind the suspension the guest is left suspended, for the caller to resume', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-fails' afterBytes='3000000'/>" }));
    await expect(save(id, false)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    expect(await stateOnA(id)).toBe('suspend');
    await rig.a.resume(id);
    expect(await stateOnA(id)).toBe('running');
  });

  it('save-hangs: until it is cancelled', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-hangs' afterBytes='3000000'/>" }));
    const stop = new AbortController();
    let bytes = 0;
    const saved = save(id, true, stop.signal, (count) => {
      bytes += count;
      if (bytes === 3_000_000) stop.abort(new Error('enough'));
    });
    await expect(saved).rejects.toThrow('enough');
    expect(bytes).toBe(3_000_000);
    expect(await stateOnA(id)).toBe('running');
  });

  it('F1: save-dies: the killed saver is named; the guest runs, and can be saved later', async () => {
    tell(rig.dirA, [{ fault: 'save-dies', count: 1, afterBytes: 3_000_000 }]);
    const id = await running(guest());
    await expect(save(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_DIED', data: { signal: 'SIGKILL' } });
    expect(await stateOnA(id)).toBe('running');
    await save(id);
    expect(await stateOnA(id)).toBe('suspend');
  });

  it('resume-fails: the guest stays suspended', async () => {
    const id = await running(guest());
    await save(id);
    tell(rig.dirA, [{ fault: 'resume-fails', count: 1 }]);
    await expect(rig.a.resume(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    expect(await stateOnA(id)).toBe('suspend');
    await rig.a.resume(id);
  });
});

describe('faults of a guest that arrives', () => {
  async function arrives(faults: string): Promise<{ outcome: PromiseSettledResult<unknown>; uuid: string }> {
    const plain = guest({ mib: 8 });
    const id = await running(plain);
    const domain = guest({ uuid: plain.uuid, faults });
    const pipe = makePipe('move');
    const [, outcome] = await Promise.allSettled([
      rig.a.save(id, pipe.writeEnd, { live: true, signal: never }),
      rig.b.restore({ domain }, pipe.readEnd, { signal: never, streamVersion: 2 }),
    ]);
    return { outcome, uuid: plain.uuid };
  }

  it.each([
    ['restore-fails', "<embedded:fault name='restore-fails' afterBytes='3000000'/>", 'E_TOOLSTACK_FAULT'],
    ['F36: no-memory', "<embedded:fault name='no-memory'/>", 'E_TOOLSTACK_NO_MEMORY'],
    [
      'disk-full-on-restore',
      "<embedded:fault name='disk-full-on-restore' afterBytes='3000000'/>",
      'E_TOOLSTACK_DISK_FULL',
    ],
    ['F2: restore-dies', "<embedded:fault name='restore-dies' afterBytes='3000000'/>", 'E_TOOLSTACK_AGENT_DIED'],
  ])('%s: nothing is left', async (_name, faults, code) => {
    const { outcome, uuid } = await arrives(faults);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
    expect(whereIs(uuid, [rig.dirB])).toEqual([]);
    expect(await rig.b.list()).toEqual([]);
  });

  it('restore-slow: but all of it arrives', async () => {
    const from = monotonicMs();
    const { outcome, uuid } = await arrives("<embedded:fault name='restore-slow' bytesPerSecond='30000000'/>");
    expect(outcome.status).toBe('fulfilled');
    expect(monotonicMs() - from).toBeGreaterThan(((8 * 1024 * 1024) / 30_000) * 0.9);
    expect(whereIs(uuid, [rig.dirB])).toMatchObject([{ state: 'paused' }]);
  });

  it('restore-hangs: until it is cancelled', async () => {
    tell(rig.dirB, [{ fault: 'restore-hangs', afterBytes: 100 }]);
    const pipe = makePipe('move');
    const stop = new AbortController();
    const domain = guest();
    const id = await running(domain);
    // More than fits the pipe: the save waits for the restore.
    const saved = rig.a.save(id, pipe.writeEnd, { live: true, signal: stop.signal });
    const restored = rig.b.restore({ domain }, pipe.readEnd, { signal: stop.signal, streamVersion: 2 });
    const both = Promise.allSettled([saved, restored]);
    await building(domain.uuid);
    stop.abort(new Error('enough'));
    expect(await both).toMatchObject([{ status: 'rejected' }, { status: 'rejected', reason: { message: 'enough' } }]);
    expect(await rig.b.list()).toEqual([]);
    expect(await stateOnA(id)).toBe('running');
  });

  it('F42: unpause-fails: the arrived guest stays paused', async () => {
    const domain = guest();
    const id = await running(domain);
    const arrived = await rig.move(id, domain, { live: true });
    tell(rig.dirB, [{ fault: 'unpause-fails', domain: domain.name, count: 2 }]);
    for (const expected of ['paused', 'paused']) {
      await expect(rig.b.unpause(arrived)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      expect((await rig.b.info(arrived))?.state).toBe(expected);
    }
    await rig.b.unpause(arrived);
    expect((await rig.b.info(arrived))?.state).toBe('running');
  });

  it('F43: destroy-fails: the domain is as it was', async () => {
    const domain = guest();
    const id = await running(domain);
    tell(rig.dirA, [{ fault: 'destroy-fails', domain: domain.uuid, count: 1 }]);
    await expect(rig.a.destroy(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    expect(await stateOnA(id)).toBe('running');
    await rig.a.destroy(id);
    expect(await stateOnA(id)).toBe('gone');
  });

  it('create-fails: nothing is left', async () => {
    const domain = guest({ faults: "<embedded:fault name='create-fails'/>" });
    await expect(rig.a.create({ domain })).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    expect(await rig.a.list()).toEqual([]);
  });
});

describe('how faults are told', () => {
  it('counts those of a host down, and leaves those of other domains', async () => {
    tell(rig.dirA, [
      { fault: 'create-fails', domain: 'guest', count: 2 },
      { fault: 'create-fails', domain: 'other', count: 1 },
    ]);
    await expect(rig.a.create({ domain: guest() })).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    await expect(rig.a.create({ domain: guest() })).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
    await rig.a.create({ domain: guest() });
    expect(JSON.parse(readFileSync(`${rig.dirA}/faults.json`, 'utf8'))).toEqual([
      { fault: 'create-fails', domain: 'other', count: 1 },
    ]);
  });

  it.each([
    ['an unknown fault', "<embedded:fault name='explode'/>"],
    ['an unknown parameter', "<embedded:fault name='create-fails' afterBytes='1'/>"],
    ['a missing parameter', "<embedded:fault name='save-write-slow'/>"],
    ['a parameter that is no number', "<embedded:fault name='save-fails' afterBytes='soon'/>"],
    ['a parameter that makes no sense', "<embedded:fault name='save-write-slow' bytesPerSecond='0'/>"],
  ])('refuses %s in a definition before anything is made', async (_name, faults) => {
    await expect(rig.a.create({ domain: guest({ faults }) })).rejects.toMatchObject({ code: 'E_USAGE_FAULT' });
    expect(await rig.a.list()).toEqual([]);
    expect(existsSync(`${rig.dirA}/domains/1`)).toBe(false);
  });

  it.each([
    ['an unknown fault', [{ fault: 'explode' }]],
    ['an unknown key', [{ fault: 'create-fails', when: 'now' }]],
    ['something that is no list', { fault: 'create-fails' }],
    ['a parameter that makes no sense', [{ fault: 'save-fails', afterBytes: -1 }]],
  ])("refuses %s in a host's file", async (_name, faults) => {
    tell(rig.dirA, faults);
    await expect(rig.a.create({ domain: guest() })).rejects.toMatchObject({ code: 'E_USAGE_FAULT' });
    expect(await rig.a.list()).toEqual([]);
  });
});
