import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { isMissed, type DomainEvent } from '../../../../src/host/events/event.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import { stateText } from '../../../../src/operations/running/state-text.js';
import { keepCore } from '../../../../src/operations/watch/kept-core.js';
import { Watcher } from '../../../../src/operations/watch/watcher.js';
import { JOURNAL_VERSION } from '../../../../src/journal/records.js';
import { HostFolder } from '../../../../src/toolstack/embedded/host-folder.js';
import { withDomain } from '../../../../src/toolstack/embedded/locked-domain.js';
import { changeRunState } from '../../../../src/toolstack/embedded/run-state.js';
import type { ShutdownReason } from '../../../../src/toolstack/toolstack.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never, Recorder } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0009';

let recorder: Recorder;
let local: LocalHost;
let watcher: Watcher | undefined;
const told: string[] = [];
let reading: Promise<void>;

beforeEach(async () => {
  recorder = new Recorder();
  local = await LocalHost.make({ participants: [recorder], deadlines: { jobMs: 5000 } });
  told.length = 0;
  const events = local.host.events.subscribe();
  const read = async (): Promise<void> => {
    for await (const event of events) if (!isMissed(event)) told.push(wordsOf(event));
  };
  reading = read();
});
afterEach(async () => {
  await watcher?.[Symbol.asyncDispose]();
  watcher = undefined;
  await local[Symbol.asyncDispose]();
  await reading;
});

const wordsOf = ({ what }: DomainEvent): string => {
  if (what.type === 'lifecycle') return `${what.change.event} ${what.change.detail}`;
  return what.type === 'notice' ? `notice: ${what.text}` : what.type;
};

const xmlWith = (actions: Record<string, string> = {}): string =>
  guestXml({ name: 'web', uuid: UUID, mib: 8 }).replace(
    '<vcpu>',
    `${Object.entries(actions)
      .map(([name, action]) => `<${name}>${action}</${name}>`)
      .join('')}<vcpu>`,
  );

async function create(actions?: Record<string, string>): Promise<void> {
  const request = { paused: false, validate: false, signal: never };
  await createDomain(local.host, xmlWith(actions), request);
}

/** The guest stops by itself. */
async function stops(reason: ShutdownReason, ref = 'web'): Promise<void> {
  const { domid } = await local.host.find(ref);
  await withDomain(HostFolder.open(local.dir), domid, never, (domain) => {
    changeRunState(domain, { shutdown: reason }, reason);
  });
}

const watch = (): void => {
  watcher = new Watcher(local.host, { sweepMs: 50 });
};
const domains = async (): Promise<string[]> =>
  (await local.host.toolstack.list()).map((info) => `${info.name} ${info.domid} ${stateText(info)}`);
const eventually = (look: () => Promise<unknown>) => expect.poll(look, { timeout: 20_000, interval: 20 });

describe('a guest that stops by itself', () => {
  it.each([
    ['poweroff', 'destroy', 'stopped shutdown'],
    ['crash', 'destroy', 'stopped crashed'],
    ['crash', 'coredump-destroy', 'stopped crashed'],
  ] as const)('%s, %s: its domain ends, and whoever went along with it cleans up', async (reason, action, event) => {
    await create({ [reason === 'crash' ? 'on_crash' : 'on_poweroff']: action });
    watch();
    recorder.take();
    await stops(reason);
    await eventually(domains).toEqual([]);
    await eventually(() => Promise.resolve(told.filter((one) => !one.startsWith('notice')))).toEqual([
      'started booted',
      event,
    ]);
    expect(recorder.take()).toEqual(['stopped web', 'release web', `${event.replace(' ', '/')} web`]);
    const cores = action === 'coredump-destroy' ? [expect.stringMatching(/^web-[\d-]{10}-[\d:]{8}$/)] : [];
    const dump = join(local.stateDir, 'dump');
    expect(existsSync(dump) ? readdirSync(dump) : []).toEqual(cores);
    if (cores.length > 0) expect(told.join()).toContain('its core was written to');
  });

  it.each([
    ['reboot', { on_reboot: 'restart' }, 'stopped shutdown', true],
    ['poweroff', { on_poweroff: 'restart' }, 'stopped shutdown', false],
    ['crash', { on_crash: 'coredump-restart' }, 'stopped crashed', false],
  ] as const)('%s, %j: it starts again', async (reason, actions, event, isReboot) => {
    await create(actions);
    watch();
    await stops(reason);
    await eventually(domains).toEqual(['web 2 running']);
    await eventually(() => Promise.resolve(told.filter((one) => !one.startsWith('notice')))).toEqual([
      'started booted',
      event,
      'started booted',
      ...(isReboot ? ['reboot'] : []),
    ]);
    expect((await local.host.find('web')).uuid).toBe(UUID);
  });

  it('coredump-restart: five cores are kept, and one that cannot be written is told and stops nothing', async () => {
    await create({ on_crash: 'coredump-restart' });
    mkdirSync(join(local.stateDir, 'dump'));
    for (const day of [1, 2, 3, 4, 5]) writeFileSync(join(local.stateDir, 'dump', `web-2026-01-0${day}-10:00:00`), '');
    watch();
    await stops('crash');
    await eventually(domains).toEqual(['web 2 running']);
    await eventually(() => Promise.resolve(told.join())).toContain('5 cores of web are in');
    expect(readdirSync(join(local.stateDir, 'dump'))).toHaveLength(5);
    await expect(keepCore(local.host, await local.host.find('web'), never)).rejects.toMatchObject({
      code: 'E_REFUSED_CORES',
    });
  });

  it('rename-restart: what is left of it is kept under another name and UUID, as with xl', async () => {
    await create({ on_crash: 'rename-restart' });
    watch();
    await stops('crash');
    await eventually(domains).toEqual(['web-1 1 crash', 'web 2 running']);
    await stops('crash');
    await eventually(domains).toEqual(['web-1 1 crash', 'web-2 2 crash', 'web 3 running']);
    const uuids = new Set((await local.host.toolstack.list()).map(({ uuid }) => uuid));
    expect(uuids.size).toBe(3);
    expect((await local.host.find('web')).uuid).toBe(UUID);
    // What is left can be ended by hand, and that is nobody's crash.
    await destroyDomain(local.host, 'web-1', never);
    expect(await domains()).toEqual(['web-2 2 crash', 'web 3 running']);
  });

  it('preserve: it stays as it is, is told once, also by the next watcher, and can be destroyed', async () => {
    await create({ on_poweroff: 'preserve' });
    watch();
    await stops('poweroff');
    await eventually(() => Promise.resolve(told)).toContain('stopped shutdown');
    await watcher?.[Symbol.asyncDispose]();
    let sweeps = 0;
    watcher = new Watcher(local.host, { sweepMs: 5, onSwept: () => (sweeps += 1) });
    await eventually(() => Promise.resolve(sweeps > 2)).toBe(true);
    expect(await domains()).toEqual(['web 1 poweroff']);
    expect(told).toEqual(['started booted', 'stopped shutdown']);
    await destroyDomain(local.host, 'web', never);
    expect(await domains()).toEqual([]);
  });

  it.each(['watchdog', 'unknown'] as const)('%s: is told, and left as it is', async (reason) => {
    await create();
    watch();
    await stops(reason);
    await eventually(() => Promise.resolve(told.at(-1))).toMatch(/^notice: .*no action is taken/);
    expect(await domains()).toEqual([`web 1 ${reason}`]);
  });

  const hvm = (xml: string): string => xml.replace(/<os>.*<\/os>/, "<os><type arch='x86_64'>hvm</type></os>");
  const settings = (key: string, value: string): string =>
    `<xl:settings xmlns:xl='urn:xenferry:xl:1'><xl:setting key='${key}' value='${value}'/></xl:settings></metadata>`;
  const made = (xml: string): Promise<unknown> =>
    createDomain(local.host, xml, { paused: false, validate: false, signal: never });

  it('L12: soft_reset: the kernel in its memory takes over, in the same domain, and that is told', async () => {
    await made(hvm(xmlWith()));
    const ticks = async (): Promise<number> => (await local.host.toolstack.guestReport(1 as never))?.ticks ?? -1;
    await eventually(async () => (await ticks()) > 20).toBe(true);
    await stops('soft_reset');
    const before = await ticks();
    watch();
    await eventually(() => Promise.resolve(told)).toEqual(['started booted', 'soft-reset']);
    expect(await domains()).toEqual(['web 1 running']);
    expect(await ticks()).toBeLessThan(before);
    expect((await local.host.toolstack.guestReport(1 as never))?.bad).toBe(0);
    expect(local.log.join()).toContain('soft-reset, with id 1 as before');
    expect(local.host.runs.get(UUID)).toMatchObject({ state: 'running', domid: 1 });
    // It may ask once more.
    await stops('soft_reset');
    await eventually(() => Promise.resolve(told)).toEqual(['started booted', 'soft-reset', 'soft-reset']);
  });

  it.each([
    ['a PVH guest has none', xmlWith({ on_crash: 'restart' }), undefined],
    ['libxl cannot', hvm(xmlWith({ on_crash: 'restart' })), 'soft-reset-fails'],
  ])('L12: soft_reset where %s: it ends as a crash does, and why is told', async (_, xml, fault) => {
    await made(xml);
    if (fault !== undefined) writeFileSync(local.path('faults.json'), JSON.stringify([{ fault }]));
    watch();
    await stops('soft_reset');
    await eventually(domains).toEqual(['web 2 running']);
    expect(told.join()).toContain('its soft reset failed, so that it ends as a crash does (restart)');
    expect(told).toContain('stopped crashed');
  });

  it('L12: soft_reset, watchdog: another action that is set for it is done', async () => {
    await made(hvm(xmlWith()).replace('</metadata>', settings('on_soft_reset', 'preserve')));
    watch();
    await stops('soft_reset');
    await eventually(() => Promise.resolve(told)).toEqual(['started booted', 'stopped shutdown']);
    expect(await domains()).toEqual(['web 1 soft_reset']);
    await destroyDomain(local.host, 'web', never);
    await made(xmlWith().replace('</metadata>', settings('on_watchdog', 'restart')));
    await stops('watchdog');
    await eventually(domains).toEqual(['web 3 running']);
  });

  it('L12: a core dump at power-off is one that xl has and domain XML has not', async () => {
    await made(xmlWith().replace('</metadata>', settings('on_poweroff', 'coredump-destroy')));
    watch();
    await stops('poweroff');
    await eventually(domains).toEqual([]);
    await eventually(() => Promise.resolve(told.join())).toContain('its core was written to');
  });

  it('starts a persistent one as it is defined now', async () => {
    const { host } = local;
    await define(host, xmlWith(), { validate: false, signal: never });
    await start(host, 'web', { paused: false, forceBoot: false, signal: never, onEvent: () => undefined });
    await define(host, xmlWith().replace("<memory unit='MiB'>8", "<memory unit='MiB'>16"), {
      validate: false,
      signal: never,
    });
    watch();
    await stops('reboot');
    await eventually(async () => (await host.toolstack.list()).map(({ maxMemoryKiB }) => maxMemoryKiB)).toEqual([
      16 * 1024,
    ]);
  });

  it('tells why it could not be started again, and leaves nothing of it', async () => {
    await create({ on_reboot: 'restart' });
    watch();
    recorder.objects = 'prepare';
    await stops('reboot');
    await eventually(() => Promise.resolve(told.at(-1))).toContain('could not be started again: prepare objects');
    expect(await domains()).toEqual([]);
  });

  it('does not try for ever to start a persistent one that cannot be', async () => {
    const { host } = local;
    await define(host, xmlWith(), { validate: false, signal: never });
    await start(host, 'web', { paused: false, forceBoot: false, signal: never, onEvent: () => undefined });
    writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'create-fails' }]));
    let sweeps = 0;
    watcher = new Watcher(host, { sweepMs: 5, onSwept: () => (sweeps += 1) });
    await stops('reboot');
    await eventually(() => Promise.resolve(told.join())).toContain('could not be started again');
    const before = sweeps;
    await eventually(() => Promise.resolve(sweeps > before + 3)).toBe(true);
    expect(told.filter((one) => one.includes('started again'))).toHaveLength(1);
    expect(host.runs.get(UUID)).toMatchObject({ state: 'shutoff', reason: 'failed' });
  });
});

describe('what the watcher keeps its hands off', () => {
  it('L20: our own destroy is no death from outside: it is told once', async () => {
    await create();
    watch();
    await destroyDomain(local.host, 'web', never);
    await create();
    await eventually(() => Promise.resolve(told)).toEqual(['started booted', 'stopped destroyed', 'started booted']);
    expect(await domains()).toEqual(['web 2 running']);
  });

  it('a guest that is suspended for a save', async () => {
    await create({ on_poweroff: 'restart' });
    let sweeps = 0;
    await stops('suspend');
    watcher = new Watcher(local.host, { sweepMs: 5, onSwept: () => (sweeps += 1) });
    await eventually(() => Promise.resolve(sweeps > 2)).toBe(true);
    expect(await domains()).toEqual(['web 1 suspended']);
  });

  it('F33: one that stops while a long job has it is dealt with when that has ended', async () => {
    await create();
    watch();
    const job = await local.host.jobs.take(UUID, 'web', 'migrating', never, { operation: 'outgoing-migration' });
    await stops('poweroff');
    await watcher?.look(UUID);
    expect(await domains()).toEqual(['web 1 poweroff']);
    job[Symbol.dispose]();
    await eventually(domains).toEqual([]);
  });

  it('F12: one whose migration is in doubt, until that is settled', async () => {
    await create();
    const { host } = local;
    const file = host.journal.begin({
      journal: JOURNAL_VERSION,
      side: 'source',
      migration: randomUUID(),
      epoch: 1,
      uuid: UUID,
      name: 'web',
      domid: 1,
      peer: 'xen+tls://b/system',
      startedAt: new Date().toISOString(),
    });
    const at = new Date().toISOString();
    file.append({ state: 'in-doubt', at });
    watch();
    await stops('poweroff');
    await watcher?.look(UUID);
    await host.toolstack.destroy((await host.find('web')).domid);
    await watcher?.look(UUID);
    expect(recorder.take().filter((step) => step.startsWith('stopped'))).toEqual([]);
    file.append({ state: 'released', at });
    await eventually(() => Promise.resolve(told)).toEqual(['started booted', 'stopped migrated']);
  });

  it('one that another program has made', async () => {
    const { toolstack } = local.host;
    const id = await toolstack.create({ domain: parseDomainXml(xmlWith({ on_poweroff: 'destroy' })) });
    await toolstack.unpause(id);
    let sweeps = 0;
    watcher = new Watcher(local.host, { sweepMs: 5, onSwept: () => (sweeps += 1) });
    await stops('poweroff');
    await eventually(() => Promise.resolve(sweeps > 3)).toBe(true);
    expect(await domains()).toEqual(['web 1 poweroff']);
    expect(told).toEqual([]);
  });
});

describe('S23: what is found again', () => {
  it('cleans up behind those that have gone, keeps definitions, corrects ids, and one broken record stops nobody', async () => {
    const { host } = local;
    const quick = { paused: false, validate: false, signal: never };
    const ids: Record<string, string> = {};
    for (const name of ['gone', 'kept', 'moved', 'broken']) {
      ids[name] = randomUUID();
      const xml = guestXml({ name, uuid: ids[name], mib: 8 });
      if (name === 'gone') await createDomain(host, xml, quick);
      else {
        await define(host, xml, { validate: false, signal: never });
        await start(host, name, BOOT);
      }
    }
    // The daemon is dead; meanwhile things happen that nobody notes.
    for (const name of ['gone', 'kept', 'moved']) await host.toolstack.destroy((await host.find(name)).domid);
    const moved = host.definitions.get(ids.moved)?.domain;
    if (moved === undefined) throw new Error('not defined');
    await host.toolstack.unpause(await host.toolstack.create({ domain: moved }));
    writeFileSync(join(local.stateDir, 'runs', `${ids.broken}.json`), '{"version":');
    recorder.take();
    told.length = 0;

    watch();
    await eventually(() => Promise.resolve(told)).toEqual(['stopped destroyed', 'stopped destroyed']);
    await eventually(() => Promise.resolve(host.runs.get(ids.moved))).toMatchObject({ state: 'running', domid: 5 });
    expect(host.runs.get(ids.broken)).toMatchObject({ state: 'running', domid: 4 });
    expect(host.runs.get(ids.gone)).toBeUndefined();
    expect(host.runs.get(ids.kept)).toMatchObject({ state: 'shutoff', reason: 'destroyed' });
    expect(host.definitions.get(ids.kept)).toBeDefined();
    expect(recorder.take()).toContain('release gone');
    expect(await domains()).toEqual(['broken 4 running', 'moved 5 running']);
  });

  it('goes on where the toolstack’s events break off, and where it fails for a while', async () => {
    await create();
    const { toolstack } = local.host;
    const list = toolstack.list.bind(toolstack);
    let failures = 3;
    toolstack.list = async (signal) => {
      failures -= 1;
      if (failures >= 0) throw new Error('libxl is not well');
      return list(signal);
    };
    toolstack.events = () => {
      throw new Error('no events today');
    };
    watcher = new Watcher(local.host, { sweepMs: 5 });
    await eventually(() => Promise.resolve(failures < 0)).toBe(true);
    await stops('poweroff');
    await eventually(domains).toEqual([]);
    expect(local.log.join('\n')).toContain('libxl is not well');
    expect(local.log.join('\n')).toContain('no events today');
  });
});
