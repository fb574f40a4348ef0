import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { setAutostart, startAutostarted } from '../../../../src/operations/lifecycle/autostart.js';
import { define, undefine } from '../../../../src/operations/definition/define.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { domainState } from '../../../../src/operations/lifecycle/domain-state.js';
import { listDomains } from '../../../../src/operations/lifecycle/list.js';
import { managedSave, removeManagedSave } from '../../../../src/operations/saving/managed-save.js';
import { resumeDomain, suspendDomain } from '../../../../src/operations/lifecycle/pause.js';
import { renameDomain } from '../../../../src/operations/definition/rename.js';
import { start, type StartRequest } from '../../../../src/operations/lifecycle/start.js';
import { restore } from '../../../../src/operations/saving/restore.js';
import { save } from '../../../../src/operations/saving/save.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never, Recorder } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const xml = (parts: Parameters<typeof guestXml>[0] = {}): string =>
  guestXml({ name: 'web1', uuid: UUID, mib: 8, ...parts });
const quiet = { signal: never, onEvent: () => undefined };
const boot: StartRequest = { paused: false, forceBoot: false, ...quiet };
const easy = { validate: false, signal: never };
const saving = { then: undefined, unpause: false, ...quiet };

let recorder: Recorder;
let local: LocalHost;
beforeEach(async () => {
  recorder = new Recorder();
  local = await LocalHost.make({ participants: [recorder] });
  await define(local.host, xml(), easy);
  recorder.take();
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const ticks = async (): Promise<number> => {
  const { domid } = await local.host.find('web1');
  return (await local.host.toolstack.guestReport(domid))?.ticks ?? -1;
};
const state = async (): Promise<string> => {
  const { state, reason } = await domainState(local.host, 'web1');
  return `${state} (${reason})`;
};

describe('start', () => {
  it('runs what was defined; domstate says why it is as it is', async () => {
    const { host } = local;
    expect(await state()).toBe('shut off (unknown)');
    expect(await start(host, 'web1', boot)).toMatchObject({ from: 'boot', info: { state: 'running', name: 'web1' } });
    expect(await state()).toBe('running (booted)');
    await suspendDomain(host, 'web1', never);
    expect(await state()).toBe('paused (user)');
    await resumeDomain(host, 'web1', never);
    expect(await state()).toBe('running (unpaused)');
    await destroyDomain(host, 'web1', never);
    expect(await state()).toBe('shut off (destroyed)');
    expect(recorder.take()).toEqual([
      'prepare web1',
      'start web1',
      'started web1',
      'started/booted web1',
      'suspended/paused web1',
      'resumed/unpaused web1',
      'stopped web1',
      'release web1',
      'stopped/destroyed web1',
    ]);
  });

  it('leaves it paused where that is asked for', async () => {
    await start(local.host, 'web1', { ...boot, paused: true });
    expect(await state()).toBe('paused (starting up)');
  });

  it('does not take an old note for the state of now', async () => {
    const { host } = local;
    const { info } = await start(host, 'web1', boot);
    await host.toolstack.pause(info.domid);
    expect(await state()).toBe('paused (unknown)');
  });

  it('refuses a domain that runs, one that is transient, and one that is not there', async () => {
    const { host } = local;
    await start(host, 'web1', boot);
    await expect(start(host, 'web1', boot)).rejects.toMatchObject({ code: 'E_REFUSED_ACTIVE' });
    await expect(start(host, 'web2', boot)).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' });
    await expect(start(host, '0', boot)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
  });

  it('a failure leaves it shut off, says so, and the next start works', async () => {
    const { host } = local;
    recorder.objects = 'start';
    await expect(start(host, 'web1', boot)).rejects.toThrow('start objects');
    expect(await state()).toBe('shut off (failed)');
    recorder.objects = undefined;
    await start(host, 'web1', boot);
  });

  it('never makes a second copy of a guest whose migration is in doubt', async () => {
    const { host } = local;
    using file = host.journal.begin({
      journal: 1,
      side: 'source',
      migration: randomUUID(),
      epoch: 1,
      uuid: UUID,
      name: 'web1',
      domid: 1,
      peer: 'xen+tls://host2/system',
      startedAt: new Date().toISOString(),
    });
    file.append({ state: 'in-doubt', at: new Date().toISOString() });
    await expect(start(host, 'web1', boot)).rejects.toMatchObject({ code: 'E_REFUSED_IN_DOUBT' });
    await expect(createDomain(host, xml(), { paused: false, ...easy })).rejects.toMatchObject({
      code: 'E_REFUSED_IN_DOUBT',
    });
    file.append({ state: 'retained', at: new Date().toISOString() });
    await start(host, 'web1', boot);
  });
});

describe('a saved state', () => {
  it('is gone on from by the next start, its heartbeat with it, and deleted then', async () => {
    const { host } = local;
    await start(host, 'web1', boot);
    const before = await ticks();
    await managedSave(host, 'web1', saving);
    expect(await state()).toBe('shut off (saved)');
    expect((await listDomains(host, { all: true })).domains).toMatchObject([{ managedSave: true }]);
    expect(await start(host, 'web1', boot)).toMatchObject({ from: 'managed-save', info: { state: 'running' } });
    expect(await ticks()).toBeGreaterThanOrEqual(before);
    expect(await state()).toBe('running (restored)');
    expect(readdirSync(local.path('xenferry', 'managed-save'))).toEqual([]);
    await destroyDomain(host, 'web1', never);
    expect(await start(host, 'web1', boot)).toMatchObject({ from: 'boot' });
  });

  it.each(['started', 'unpause'] as const)('outlives a start that fails at %s: delete after success', async (at) => {
    const { host } = local;
    await start(host, 'web1', boot);
    await managedSave(host, 'web1', saving);
    if (at === 'started') recorder.objects = 'started';
    else breakUnpauseOnce(host.toolstack);
    await expect(start(host, 'web1', boot)).rejects.toThrow(at === 'started' ? 'started objects' : 'no');
    expect(host.managedSaves.has(UUID)).toBe(true);
    recorder.objects = undefined;
    expect(await start(host, 'web1', boot)).toMatchObject({ from: 'managed-save' });
    expect(host.managedSaves.has(UUID)).toBe(false);
  });

  it.each([
    [undefined, false, 'running'],
    ['paused', false, 'paused'],
    ['running', true, 'running'],
    [undefined, true, 'paused'],
  ] as const)('asked for %s of a domain that is paused: %s, starts %s', async (then, paused, after) => {
    const { host } = local;
    await start(host, 'web1', { ...boot, paused });
    await managedSave(host, 'web1', { ...saving, then, unpause: true });
    expect(await start(host, 'web1', boot)).toMatchObject({ info: { state: after } });
  });

  it('is not taken of a paused domain without a word, nor of a transient one', async () => {
    const { host } = local;
    await start(host, 'web1', { ...boot, paused: true });
    await expect(managedSave(host, 'web1', saving)).rejects.toMatchObject({
      code: 'E_REFUSED_STATE',
      message: expect.stringContaining('has to be running') as string,
    });
    await createDomain(host, guestXml({ name: 'guest', mib: 8 }), { paused: false, ...easy });
    await expect(managedSave(host, 'guest', saving)).rejects.toMatchObject({ code: 'E_REFUSED_TRANSIENT' });
  });

  it('is forgotten by --force-boot, managedsave-remove and undefine --managed-save only', async () => {
    const { host } = local;
    const saved = async (): Promise<void> => {
      if ((await host.findKnown('web1')).info === undefined) await start(host, 'web1', { ...boot, forceBoot: true });
      await managedSave(host, 'web1', saving);
    };
    await saved();
    await expect(undefine(host, 'web1', { managedSave: false, signal: never })).rejects.toMatchObject({
      code: 'E_REFUSED_MANAGED_SAVE',
    });
    await expect(createDomain(host, xml(), { paused: false, ...easy })).rejects.toMatchObject({
      code: 'E_REFUSED_MANAGED_SAVE',
    });
    await expect(renameDomain(host, 'web1', 'web2', never)).rejects.toMatchObject({ code: 'E_REFUSED_MANAGED_SAVE' });
    expect(await start(host, 'web1', { ...boot, forceBoot: true })).toMatchObject({ from: 'boot' });
    expect(host.managedSaves.has(UUID)).toBe(false);
    await saved();
    expect(await removeManagedSave(host, 'web1', never)).toEqual({ name: 'web1', removed: true });
    expect(await removeManagedSave(host, 'web1', never)).toEqual({ name: 'web1', removed: false });
    await saved();
    await undefine(host, 'web1', { managedSave: true, signal: never });
    expect(readdirSync(local.path('xenferry', 'managed-save'))).toEqual([]);
  });

  it('of another domain is refused', async () => {
    const { host } = local;
    await createDomain(host, guestXml({ name: 'guest', mib: 8 }), { paused: false, ...easy });
    const file = local.path('guest.save');
    await save(host, { domain: 'guest', file, checkpoint: false, unpause: false, ...quiet });
    renameSync(file, host.managedSaves.pathFor(UUID, false));
    await expect(start(host, 'web1', boot)).rejects.toMatchObject({
      code: 'E_REFUSED_MANAGED_SAVE',
      message: expect.stringContaining('guest') as string,
    });
    expect(host.managedSaves.has(UUID)).toBe(true);
  });

  it('cannot be started from twice, even where the process dies as the guest begins to run', async () => {
    const { host } = local;
    await start(host, 'web1', boot);
    await managedSave(host, 'web1', saving);
    host.managedSaves.setAside(host.managedSaves.pathFor(UUID, false)); // and then it died
    expect(host.managedSaves.has(UUID)).toBe(false);
    expect(await start(host, 'web1', boot)).toMatchObject({ from: 'boot' });
  });
});

describe('save and restore', () => {
  it('of a paused domain need --unpause, and leave it paused on a checkpoint', async () => {
    const { host } = local;
    await start(host, 'web1', { ...boot, paused: true });
    const request = { domain: 'web1', file: local.path('web1.save'), checkpoint: true, ...quiet };
    await expect(save(host, { ...request, unpause: false })).rejects.toMatchObject({ code: 'E_REFUSED_STATE' });
    expect(existsSync(request.file)).toBe(false);
    await save(host, { ...request, unpause: true });
    expect((await host.find('web1')).state).toBe('paused');
    await destroyDomain(host, 'web1', never);
    await restore(host, { file: request.file, paused: false, ...quiet });
    expect(await state()).toBe('running (restored)');
  });

  it('go through the steps of a start and an end', async () => {
    const { host } = local;
    await start(host, 'web1', boot);
    recorder.take();
    await save(host, { domain: 'web1', file: local.path('s'), checkpoint: false, unpause: false, ...quiet });
    expect(recorder.take()).toEqual(['stopped web1', 'release web1', 'stopped/saved web1']);
    await restore(host, { file: local.path('s'), paused: true, ...quiet });
    expect(recorder.take()).toEqual(['prepare web1', 'start web1', 'started web1', 'started/restored web1']);
    expect(await state()).toBe('paused (restored)');
  });
});

describe('autostart', () => {
  it('is for persistent domains, and outlives a new definition', async () => {
    const { host } = local;
    await setAutostart(host, 'web1', true, never);
    await define(host, xml({ mib: 16 }), easy);
    expect((await listDomains(host, { all: true, autostart: true })).domains).toMatchObject([{ name: 'web1' }]);
    await setAutostart(host, 'web1', false, never);
    expect((await listDomains(host, { all: true, autostart: true })).domains).toEqual([]);
    await createDomain(host, guestXml({ name: 'guest', mib: 8 }), { paused: false, ...easy });
    await expect(setAutostart(host, 'guest', true, never)).rejects.toMatchObject({ code: 'E_REFUSED_TRANSIENT' });
  });

  it('S03: starts what it can, and logs name and reason of what it cannot', async () => {
    const { host } = local;
    await define(host, guestXml({ name: 'broken', mib: 8, faults: "<embedded:fault name='create-fails'/>" }), easy);
    await define(host, guestXml({ name: 'off', mib: 8 }), easy);
    for (const name of ['broken', 'web1']) await setAutostart(host, name, true, never);
    const results = await startAutostarted(host, never);
    expect(results).toMatchObject([{ name: 'broken', error: {} }, { name: 'web1' }]);
    expect((await listDomains(host, {})).domains).toMatchObject([{ name: 'web1', state: 'running' }]);
    expect(local.log).toEqual([expect.stringMatching(/^autostart of broken failed: .*\w/) as string]);
    expect(local.log[0]).not.toMatch(/undefined|unknown cause|\[object/);
    expect(await startAutostarted(host, never)).toMatchObject([{ name: 'broken' }]);
  });
});

describe('domrename', () => {
  it('gives a domain that does not run another name, and keeps its UUID', async () => {
    const { host } = local;
    expect(await renameDomain(host, 'web1', 'web2', never)).toEqual({ before: 'web1', name: 'web2' });
    expect((await listDomains(host, { all: true })).domains).toMatchObject([{ name: 'web2', uuid: UUID }]);
    expect(recorder.take()).toEqual(['undefined/renamed web1', 'defined/renamed web2']);
  });

  it('refuses a name that is taken or none, and a domain that runs', async () => {
    const { host } = local;
    await define(host, guestXml({ name: 'web2', mib: 8 }), easy);
    await expect(renameDomain(host, 'web1', 'web2', never)).rejects.toMatchObject({ code: 'E_REFUSED_NAME_TAKEN' });
    await expect(renameDomain(host, 'web1', 'a/b', never)).rejects.toMatchObject({ code: 'E_USAGE_DOMAIN_NAME' });
    await start(host, 'web1', boot);
    await expect(renameDomain(host, 'web1', 'web3', never)).rejects.toMatchObject({ code: 'E_REFUSED_ACTIVE' });
  });
});

function breakUnpauseOnce(toolstack: { unpause: (...args: never[]) => Promise<void> }): void {
  const own = toolstack.unpause.bind(toolstack);
  toolstack.unpause = () => {
    toolstack.unpause = own;
    return Promise.reject(new Error('no'));
  };
}
