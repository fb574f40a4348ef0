import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { dumpDomain } from '../../../../src/operations/saving/core-dump.js';
import { define } from '../../../../src/operations/definition/define.js';
import { domainDetails, dumpXml } from '../../../../src/operations/lifecycle/details.js';
import { domainState } from '../../../../src/operations/lifecycle/domain-state.js';
import type { ImpactFlags } from '../../../../src/operations/definition/impact.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { dom0Details } from '../../../../src/operations/lifecycle/dom0-details.js';
import { setMaxMemory, setMemory } from '../../../../src/operations/tuning/memory.js';
import {
  destroyDomain,
  destroyGracefully,
  rebootDomain,
  resetDomain,
  shutdownDomain,
} from '../../../../src/operations/lifecycle/power.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import {
  countOneVcpus,
  countVcpus,
  pinVcpu,
  setVcpus,
  vcpuInfos,
  vcpuPins,
} from '../../../../src/operations/tuning/vcpus.js';
import { lackingAbilities } from '../../../../src/toolstack/libxl/optional-calls.js';
import { ABILITIES } from '../../../../src/toolstack/toolstack.js';
import koffi from '../../../../src/posix/koffi.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never } from '../../../support/local-host.js';
import { moveBetween } from '../../../support/moving.js';

const MIB = 1024;
const flags = (words = ''): ImpactFlags => ({
  live: words.includes('live'),
  config: words.includes('config'),
  current: words.includes('current'),
});

let local: LocalHost;
beforeEach(async () => {
  local = await LocalHost.make();
  writeFileSync(local.path('host.json'), JSON.stringify({ cpus: 4, totalMemoryKiB: 1024 * MIB }));
  await defined();
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

/** 32 of 64 MiB, 2 of 4 processors. */
async function defined(type: 'pvh' | 'hvm' = 'pvh', workload = "dirtyMiBPerSecond='1'"): Promise<void> {
  const xml = guestXml({ name: 'web1', uuid: '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001', mib: 64, workload })
    .replace('<vcpu>1<', "<currentMemory unit='MiB'>32</currentMemory><vcpu current='2'>4<")
    .replace(/<os>.*<\/os>/, (os) => (type === 'hvm' ? "<os><type arch='x86_64' machine='xenfv'>hvm</type></os>" : os));
  await define(local.host, xml, { validate: true, signal: never });
}

describe('S49: domain 0', () => {
  const host = (more: object): void =>
    writeFileSync(
      local.path('host.json'),
      JSON.stringify({ cpus: 4, totalMemoryKiB: 200 * MIB, dom0MemoryKiB: 168 * MIB, ...more }),
    );

  it('gives up what a guest needs, and no more', async () => {
    host({});
    expect(await dom0Details(local.host)).toEqual({ memoryKiB: 168 * MIB, maxMemoryKiB: 200 * MIB, vcpus: 4 });
    await run();
    expect(await dom0Details(local.host)).toMatchObject({ memoryKiB: 136 * MIB });
  });

  it('is left alone where Xen’s command line says how much it has, and shown with that', async () => {
    host({ commandLine: 'dom0_mem=max:168M' });
    await expect(run()).rejects.toMatchObject({ code: 'E_TOOLSTACK_NO_MEMORY' });
    expect(await dom0Details(local.host)).toMatchObject({ memoryKiB: 168 * MIB, maxMemoryKiB: 168 * MIB });
  });

  it('keeps the least that it needs', async () => {
    host({ totalMemoryKiB: 190 * MIB });
    await expect(run()).rejects.toMatchObject({
      code: 'E_REFUSED_NO_MEMORY',
      message: 'not enough memory: web1 needs 64 MiB, 22 MiB are free, domain 0 has 168 MiB and keeps 128 MiB at least',
    });
  });

  it('makes room for a guest that comes in', async () => {
    await using from = await LocalHost.make();
    await run();
    const known = await local.host.findKnown('web1');
    const xml = await dumpXml(local.host, 'web1', { securityInfo: true });
    await destroyDomain(local.host, 'web1', never);
    local.host.definitions.remove(known.uuid);
    await createDomain(from.host, xml, { paused: false, validate: false, signal: never });
    host({});
    const { place } = await moveBetween(from, local);
    expect(place).toBe('destination');
    expect((await dom0Details(local.host)).memoryKiB).toBeLessThan(140 * MIB);
  });

  it('cannot be given more', async () => {
    host({});
    await expect(local.host.toolstack.setDom0Target(169 * MIB)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
  });
});

const run = (): Promise<unknown> => start(local.host, 'web1', BOOT);
const memory = async (): Promise<readonly (number | undefined)[]> => {
  const { known, domain } = await domainDetails(local.host, 'web1');
  return [known.info?.memoryKiB, domain.memoryMaxKiB, known.stored?.domain.memoryCurrentKiB].map(
    (kib) => kib && kib / MIB,
  );
};

describe('setmem and setmaxmem', () => {
  const set = (mib: number, words?: string): Promise<unknown> =>
    setMemory(local.host, 'web1', { kib: mib * MIB, flags: flags(words), signal: never });
  const setMax = (mib: number, words?: string): Promise<unknown> =>
    setMaxMemory(local.host, 'web1', { kib: mib * MIB, flags: flags(words), signal: never });

  it('S48: the maximum stays what the definition says while the balloon shrinks and grows', async () => {
    await run();
    expect(await memory()).toEqual([32, 64, 32]);
    await set(16);
    expect(await memory()).toEqual([16, 64, 32]);
    await set(64, 'live config');
    expect(await memory()).toEqual([64, 64, 64]);
  });

  it('refuse more than the maximum, and change nothing then', async () => {
    await run();
    await expect(set(65, 'live config')).rejects.toMatchObject({ code: 'E_REFUSED_OVER_MAXIMUM' });
    await expect(set(65, 'config')).rejects.toMatchObject({ code: 'E_REFUSED_OVER_MAXIMUM' });
    expect(await memory()).toEqual([32, 64, 32]);
  });

  it('change the maximum of the definition only', async () => {
    await run();
    await expect(setMax(128)).rejects.toMatchObject({ code: 'E_REFUSED_LIVE' });
    await setMax(128, 'config');
    expect(await memory()).toEqual([32, 64, 32]);
    await destroyDomain(local.host, 'web1', never);
    expect(await memory()).toEqual([undefined, 128, 32]);
    await setMax(16);
    expect(await memory()).toEqual([undefined, 16, 16]);
  });
});

describe('processors', () => {
  const set = (count: number, words?: string, maximum = false): Promise<unknown> =>
    setVcpus(local.host, 'web1', { count, maximum, flags: flags(words), signal: never });
  const counts = async (): Promise<string[]> =>
    (await countVcpus(local.host, 'web1')).map(({ which, of, count }) => `${which} ${of} ${count}`);

  it('S43: are counted running or not', async () => {
    expect(await counts()).toEqual(['maximum config 4', 'current config 2']);
    expect(await countOneVcpus(local.host, 'web1', 'maximum', flags())).toBe(4);
    await expect(countOneVcpus(local.host, 'web1', 'maximum', flags('live'))).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_RUNNING',
    });
    await run();
    expect(await counts()).toEqual(['maximum config 4', 'maximum live 4', 'current config 2', 'current live 2']);
    expect(await countOneVcpus(local.host, 'web1', 'maximum', flags('live'))).toBe(4);
    expect(await countOneVcpus(local.host, 'web1', 'current', flags('live'))).toBe(2);
  });

  it('are switched on and off up to the maximum, live, in the definition, or both', async () => {
    await run();
    await set(3);
    expect(await counts()).toEqual(['maximum config 4', 'maximum live 4', 'current config 2', 'current live 3']);
    await set(4, 'live config');
    expect(await counts()).toEqual(['maximum config 4', 'maximum live 4', 'current config 4', 'current live 4']);
    for (const words of ['live', 'config', 'live config']) {
      await expect(set(5, words)).rejects.toMatchObject({ code: 'E_REFUSED_OVER_MAXIMUM' });
    }
    for (const none of [0, -1, 1.5, Number.NaN]) {
      await expect(set(none)).rejects.toMatchObject({ code: 'E_USAGE_VCPUS' });
    }
  });

  it('have a maximum that changes with the next start only', async () => {
    await run();
    await expect(set(8, 'live', true)).rejects.toMatchObject({ code: 'E_REFUSED_LIVE' });
    await set(1, 'config', true);
    expect(await counts()).toEqual(['maximum config 1', 'maximum live 4', 'current config 1', 'current live 2']);
    await expect(set(129, 'config', true)).rejects.toMatchObject({ code: 'E_USAGE_DOMAIN_UNSUPPORTED' });
  });

  it('are shown one by one', async () => {
    await expect(vcpuInfos(local.host, 'web1')).rejects.toMatchObject({ code: 'E_REFUSED_NOT_RUNNING' });
    await run();
    const { vcpus, cpus } = await vcpuInfos(local.host, 'web1');
    expect(cpus).toBe(4);
    expect(vcpus.map(({ number, state }) => `${number} ${state}`)).toEqual([
      '0 running',
      '1 running',
      '2 offline',
      '3 offline',
    ]);
  });

  it('are pinned, live or in the definition', async () => {
    const { host } = local;
    const pin = (vcpu: number, cpus: number[] | undefined, words?: string): Promise<unknown> =>
      pinVcpu(host, 'web1', { vcpu, cpus: cpus && CpuSet.of(cpus), flags: flags(words), signal: never });
    await pin(1, [2, 3]);
    expect((await vcpuPins(host, 'web1', flags())).map(({ cpus }) => cpus)).toEqual([
      undefined,
      CpuSet.of([2, 3]),
      undefined,
      undefined,
    ]);
    await run();
    await pin(0, [1], 'live');
    expect((await vcpuPins(host, 'web1', flags('live')))[0]).toEqual({ vcpu: 0, cpus: CpuSet.of([1]) });
    expect((await vcpuPins(host, 'web1', flags('config')))[0]).toEqual({ vcpu: 0, cpus: undefined });
    await pin(1, undefined, 'config');
    expect((await vcpuPins(host, 'web1', flags('config')))[1]).toEqual({ vcpu: 1, cpus: undefined });
    await expect(pin(0, [4])).rejects.toMatchObject({ code: 'E_USAGE_VCPUS' });
    await expect(pin(4, [0])).rejects.toMatchObject({ code: 'E_USAGE_VCPUS' });
  });
});

describe('shutdown and reboot', () => {
  const state = async (): Promise<string> => (await domainState(local.host, 'web1')).state;

  it('ask the guest’s Xen drivers', async () => {
    await run();
    expect(await shutdownDomain(local.host, 'web1', [], never)).toMatchObject({ by: 'paravirt' });
    expect(await state()).toBe('poweroff');
    await expect(shutdownDomain(local.host, 'web1', [], never)).rejects.toMatchObject({ code: 'E_REFUSED_STATE' });
    await destroyDomain(local.host, 'web1', never);
    await run();
    await rebootDomain(local.host, 'web1', [], never);
    expect(await state()).toBe('reboot');
  });

  it('fall back to the power button of an HVM guest without them, unless told not to', async () => {
    await defined('hvm', "control='none'");
    await run();
    await expect(shutdownDomain(local.host, 'web1', ['paravirt'], never)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NO_PARAVIRT',
    });
    await expect(rebootDomain(local.host, 'web1', [], never)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NO_PARAVIRT',
    });
    await expect(rebootDomain(local.host, 'web1', ['acpi'], never)).rejects.toMatchObject({
      code: 'E_REFUSED_UNSUPPORTED',
    });
    expect(await state()).toBe('running');
    expect(await shutdownDomain(local.host, 'web1', [], never)).toMatchObject({ by: 'acpi' });
    expect(await state()).toBe('poweroff');
  });

  it('say that a guest has neither', async () => {
    await defined('pvh', "control='none'");
    await run();
    await expect(shutdownDomain(local.host, 'web1', [], never)).rejects.toMatchObject({
      code: 'E_REFUSED_UNSUPPORTED',
      message: expect.stringContaining('no power button') as string,
    });
    await expect(resetDomain(local.host, 'web1', never)).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
  });

  it('reset an HVM guest, whatever it hears', async () => {
    await defined('hvm', "control='ignored'");
    await run();
    await resetDomain(local.host, 'web1', never);
    expect(await state()).toBe('reboot');
  });

  it('destroy --graceful ends it once it has stopped, and leaves one that does not stop running', async () => {
    await run();
    await destroyGracefully(local.host, 'web1', 30_000, never);
    expect(await domainState(local.host, 'web1')).toEqual({ state: 'shut off', reason: 'shutdown' });
    await defined('pvh', "control='ignored'");
    await run();
    await expect(destroyGracefully(local.host, 'web1', 50, never)).rejects.toMatchObject({
      code: 'E_DEADLINE_SHUTDOWN',
    });
    expect(await state()).toBe('running');
  });
});

describe('S25: a toolstack that lacks something', () => {
  it('is asked before use: the refusal names it, the domain runs on, and its definition can be changed', async () => {
    const { host } = local;
    await defined('hvm', "control='none'");
    await run();
    const lacks = ['balloon', 'vcpu-hotplug', 'vcpu-info', 'vcpu-pinning', 'buttons', 'core-dump'];
    writeFileSync(local.path('host.json'), JSON.stringify({ cpus: 4, totalMemoryKiB: 1024 * MIB, lacks }));
    const request = { signal: never, flags: flags('live') };
    const tries: [string, () => Promise<unknown>][] = [
      ['balloon', () => setMemory(host, 'web1', { kib: 16 * MIB, ...request })],
      ['vcpu-hotplug', () => setVcpus(host, 'web1', { count: 1, maximum: false, ...request })],
      ['vcpu-info', () => vcpuInfos(host, 'web1')],
      ['vcpu-pinning', () => pinVcpu(host, 'web1', { vcpu: 0, cpus: CpuSet.of([0]), ...request })],
      ['buttons', () => shutdownDomain(host, 'web1', [], never)],
      ['buttons', () => resetDomain(host, 'web1', never)],
      [
        'core-dump',
        () =>
          dumpDomain(host, 'web1', { file: local.path('c'), live: true, crash: false, reset: false, signal: never }),
      ],
    ];
    for (const [ability, act] of tries) {
      await expect(act()).rejects.toMatchObject({
        code: 'E_REFUSED_UNSUPPORTED',
        message: expect.stringContaining(ability) as string,
      });
    }
    expect((await host.find('web1')).state).toBe('running');
    await setMemory(host, 'web1', { kib: 16 * MIB, signal: never, flags: flags('config') });
    expect(await memory()).toEqual([32, 64, 16]);
  });

  it('is found out by name, without a call', () => {
    const symbols = new Set(['libxl_set_memory_target', 'libxl_list_vcpu', 'libxl_send_trigger']);
    const library = {
      symbol: (name: string): never => {
        if (!symbols.has(name)) throw new Error(`cannot find ${name}`);
        return undefined as never;
      },
    };
    expect(lackingAbilities(library)).toEqual([
      'vcpu-hotplug',
      'vcpu-info',
      'vcpu-pinning',
      'scheduling',
      'core-dump',
      'dom0-balloon',
      'disk-hotplug',
      'disk-safe-detach',
      'interface-hotplug',
      'usb-hotplug',
      'media-change',
      'pm-suspend',
      'soft-reset',
    ]);
    expect(lackingAbilities(koffi.load('libc.so.6'))).toEqual(ABILITIES);
  });
});

describe('dump', () => {
  const dump = (more: { live?: boolean; crash?: boolean; reset?: boolean } = {}): Promise<unknown> =>
    dumpDomain(local.host, 'web1', {
      file: local.path('core'),
      live: false,
      crash: false,
      reset: false,
      signal: never,
      ...more,
    });

  it('writes a file for its owner only, and the guest goes on', async () => {
    await run();
    await dump();
    const { size, mode } = statSync(local.path('core'));
    expect([size > 0, mode & 0o777]).toEqual([true, 0o600]);
    expect((await local.host.find('web1')).state).toBe('running');
    await expect(dump()).rejects.toMatchObject({ code: 'E_REFUSED_FILE' });
  });

  it('never writes through an entry that others put next to the file, also during the write', async () => {
    await run();
    const { toolstack } = local.host;
    const victim = local.path('victim');
    writeFileSync(victim, 'theirs');
    symlinkSync(victim, local.path('core.part'));
    const beside = (): string[] => readdirSync(local.dir).filter((name) => name.startsWith('.core.'));
    // As libxc opens it: by its name, through links, whatever is there.
    toolstack.dumpCore = (_id, path) => {
      const [folder] = beside();
      expect(statSync(local.path(folder)).mode & 0o777).toBe(0o700);
      renameSync(local.path(folder), local.path('away'));
      mkdirSync(local.path(folder));
      symlinkSync(victim, local.path(folder, 'part'));
      writeFileSync(path, 'memory');
      return Promise.resolve();
    };
    await dump();
    expect(readFileSync(victim, 'utf8')).toBe('theirs');
    expect(readFileSync(local.path('core'), 'utf8')).toBe('memory');
    expect(readdirSync(local.path('away'))).toEqual([]);
    expect(beside()).toEqual([]);
  });

  it('ends the domain with --crash, and only behind a whole file', async () => {
    await run();
    const { toolstack } = local.host;
    const own = toolstack.dumpCore.bind(toolstack);
    toolstack.dumpCore = () => Promise.reject(new Error('no room'));
    await expect(dump({ crash: true })).rejects.toThrow('no room');
    expect(readdirSync(local.dir).filter((name) => name.includes('core'))).toEqual([]);
    expect((await local.host.find('web1')).state).toBe('running');
    toolstack.dumpCore = own;
    await dump({ crash: true, live: true });
    expect(await domainState(local.host, 'web1')).toEqual({ state: 'shut off', reason: 'crashed' });
  });

  it('presses the reset button behind it with --reset, of guests that have one', async () => {
    await run();
    await expect(dump({ reset: true })).rejects.toMatchObject({
      code: 'E_REFUSED_UNSUPPORTED',
      message: 'web1 is a pvh guest: it has no reset button',
    });
    await expect(dump({ reset: true, crash: true })).rejects.toMatchObject({ code: 'E_USAGE_ARGUMENTS' });
    expect(existsSync(local.path('core'))).toBe(false);
    await destroyDomain(local.host, 'web1', never);
    await defined('hvm');
    await run();
    await dump({ reset: true });
    expect(existsSync(local.path('core'))).toBe(true);
    expect(await local.host.find('web1')).toMatchObject({ state: 'shutdown', shutdownReason: 'reboot' });
  });
});
