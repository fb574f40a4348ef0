import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Agent } from '../../../src/toolstack/agent/agent.js';
import type { Domid } from '../../../src/toolstack/domid.js';
import { LIBXL_AGENT } from '../../../src/toolstack/libxl/libxl-agents.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';
import { newGuest, ticks } from './guest-on-host.js';

const runFile = promisify(execFile);
const XL_MS = 120_000;

async function xl(...words: string[]): Promise<string> {
  return (await runFile('xl', words, { timeout: XL_MS, encoding: 'utf8' })).stdout;
}

/** The columns of each line of a table but its head. */
async function table(...words: string[]): Promise<string[][]> {
  const lines = (await xl(...words)).trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

/** Every call that does something to a domain, as the agent knows it. */
const HARMFUL: Readonly<Record<string, object>> = {
  resume: {},
  pause: {},
  unpause: {},
  shutdown: {},
  reboot: {},
  destroy: {},
  rename: { name: 'other' },
  preserve: { suffix: '-1', uuid: '11111111-2222-4333-8444-555555555555' },
  press: { button: 'reset' },
  setMemory: { kib: 65_536 },
  setVcpus: { online: [0] },
  pinVcpu: { vcpu: 0, cpus: [0] },
  setScheduling: { weight: 500 },
  dumpCore: { path: '/tmp/no-core' },
  save: { live: true },
  withdrawSuspend: {},
};

/** What domain 0 may not be asked for, as a target in KiB: nothing, and what it has or more. */
const DOM0_TARGETS = [0, -4096, 1024 * 1024 * 1024];

/** What libxl gives us in its structures is what xl, which was compiled against them, prints. */
export function asXlSeesIt(open: () => Promise<Toolstack>): void {
  describe('libxl: as xl sees it', () => {
    afterEach(async () => {
      const toolstack = await open();
      for (const { domid } of await toolstack.list()) await toolstack.destroy(domid);
    });

    const start = async (): Promise<{ toolstack: Toolstack; id: Domid; name: string }> => {
      const toolstack = await open();
      const domain = newGuest();
      const id = await toolstack.create({ domain });
      await toolstack.unpause(id);
      await ticks(domain.name);
      return { toolstack, id, name: domain.name };
    };

    it('S02: the host: its version, memory, processors and what guests it runs', async () => {
      const host = await (await open()).host();
      const lines = (await xl('info')).split('\n').map((line) => line.split(/\s*: (.*)/));
      const said = new Map(lines.map(([key, value = '']) => [key, value.trim()]));
      expect(host.version).toBe(said.get('xen_version'));
      expect(host.cpus).toBe(Number(said.get('nr_cpus')));
      expect(Math.floor(host.totalMemoryKiB / 1024)).toBe(Number(said.get('total_memory')));
      // Other programs of the host take and give back a little.
      expect(Math.abs(host.freeMemoryKiB / 1024 - Number(said.get('free_memory')))).toBeLessThan(16);
      expect(host.guestAbis).toEqual(said.get('xen_caps')?.split(' '));
      expect(host.lacks).toEqual([]);
      expect(host.processors?.coresPerSocket).toBe(Number(said.get('cores_per_socket')));
      expect(host.processors?.threadsPerCore).toBe(Number(said.get('threads_per_core')));
      const words = host.processors?.cpuidWords.map((word) => word.toString(16).padStart(8, '0')).join(':');
      // libxl's JSON has the first four words of eight; all are read.
      expect(words).toBe(said.get('hw_caps'));
    });

    it('S18: processors of a guest: number, place, time and where it may run', async () => {
      const { toolstack, id, name } = await start();
      await toolstack.pause(id); // nothing moves between the two looks
      const vcpus = await toolstack.vcpus(id);
      const rows = await table('vcpu-list', name);
      expect(rows).toHaveLength(2);
      const { cpus } = await toolstack.host();
      rows.forEach(([, domid, number, cpu, state, seconds, hard], at) => {
        const found = vcpus[at];
        expect(found.number).toBe(Number(number));
        expect(String(id)).toBe(domid);
        expect(found.cpu === undefined ? '-' : String(found.cpu)).toBe(cpu);
        expect(found.state === 'offline').toBe(state.includes('p') || cpu === '-');
        expect(Math.abs(Number(found.cpuTimeNs) / 1e9 - Number(seconds))).toBeLessThan(0.2);
        expect(found.affinity === undefined || found.affinity.size === cpus).toBe(hard === 'all');
      });
      expect(vcpus[0].cpuTimeNs).toBeGreaterThan(100_000_000n);
    });

    it('S35, L02: weight and cap of a guest', async () => {
      const { toolstack, id, name } = await start();
      const shown = async (): Promise<string[]> => {
        const { scheduler } = await toolstack.scheduling(id);
        const row = (await table(`sched-${scheduler}`, '-d', name)).find(([first]) => first === name);
        return row?.slice(1) ?? [];
      };
      await toolstack.setScheduling(id, { weight: 500, cap: 50 });
      expect(await shown()).toEqual([String(id), '500', '50']);
      const { scheduler } = await toolstack.scheduling(id);
      await xl(`sched-${scheduler}`, '-d', name, '-w', '300', '-c', '120');
      expect(await toolstack.scheduling(id)).toEqual({ scheduler, weight: 300, cap: 120 });
    });

    it('a guest: name, id, UUID, memory, processors, state, time', async () => {
      const { toolstack, id, name } = await start();
      await toolstack.pause(id);
      const info = await toolstack.info(id);
      const row = (await table('list', '-v')).find(([first]) => first === name);
      const [, domid, mib, vcpus, state, seconds, uuid] = row ?? [];
      expect(info).toMatchObject({ domid: Number(domid), uuid, vcpus: Number(vcpus), state: 'paused' });
      expect(state).toContain('p');
      expect(Math.abs((info?.memoryKiB ?? 0) / 1024 - Number(mib))).toBeLessThan(2);
      expect(Math.abs(Number(info?.cpuTimeNs) / 1e9 - Number(seconds))).toBeLessThan(0.2);
    });

    it("S49: a guest's whole configuration", async () => {
      const { toolstack, id, name } = await start();
      const { native } = await toolstack.describe(id);
      const [xls] = z.array(z.object({ config: z.unknown() })).parse(JSON.parse(await xl('list', '-l', name)));
      expect(JSON.parse(native?.text ?? '')).toEqual(xls.config);
    });

    it('a PVH guest is not reset, not even by who speaks to the agent', async () => {
      const { toolstack, id } = await start();
      await using agent = Agent.start({ entry: LIBXL_AGENT, what: 'a button that is not there' });
      const { signal } = new AbortController();
      for (const button of ['power', 'reset']) {
        const call = agent.call('press', { domid: id, button }, { signal, result: z.unknown() });
        await expect(call, button).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      }
      expect(await toolstack.info(id)).toMatchObject({ state: 'running' });
    });

    it('presses the buttons of an HVM guest', async () => {
      const toolstack = await open();
      const id = await toolstack.create({ domain: newGuest('hvm') });
      await toolstack.unpause(id);
      await toolstack.powerButton(id);
      await toolstack.reset(id);
      await expect
        .poll(async () => await toolstack.info(id), { timeout: XL_MS })
        .toMatchObject({ state: 'shutdown', shutdownReason: 'reboot' });
    });

    it('domain 0 is out of reach even of who speaks to the agent', async () => {
      await using agent = Agent.start({ entry: LIBXL_AGENT, what: 'calls on domain 0' });
      const { signal } = new AbortController();
      for (const [method, params] of Object.entries(HARMFUL)) {
        const call = agent.call(method, { domid: 0, ...params }, { signal, result: z.unknown() });
        await expect(call, method).rejects.toThrow(/Domain-0/);
      }
      const [[, , had]] = await table('list', '0');
      for (const kib of [...DOM0_TARGETS, Number(had) * 1024]) {
        const call = agent.call('setDom0Target', { kib }, { signal, result: z.unknown() });
        await expect(call, `${kib} KiB`).rejects.toThrow();
      }
      const [[name, domid, has, , state]] = await table('list', '0');
      expect([name, domid, has]).toEqual(['Domain-0', '0', had]);
      expect(state).not.toContain('p');
    });
  });
}
