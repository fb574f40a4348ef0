import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { diskStatistics } from '../../../../src/operations/statistics/disk-statistics.js';
import { interfaceStatistics } from '../../../../src/operations/statistics/interface-statistics.js';
import { memoryStatistics } from '../../../../src/operations/statistics/memory-statistics.js';
import type { Toolstack } from '../../../../src/toolstack/toolstack.js';
import { nicNumbers } from '../../../../src/domain/libxl-json/nic-numbers.js';
import { define } from '../../../../src/operations/definition/define.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const MAC = '00:16:3e:00:00:0a';
const DEVICES = `<devices>
  <disk type='block' device='disk'><driver name='phy'/><source dev='/dev/vg/root'/><target dev='xvda'/></disk>
  <disk type='block' device='disk'><driver name='phy' type='raw'/><source dev='/dev/vg/data'/><target dev='xvdaa'/></disk>
  <interface type='bridge'><mac address='${MAC}'/><source bridge='br0'/></interface>
  <interface type='bridge'><mac address='00:16:3e:00:00:0b'/><source bridge='br0'/><target dev='web1-lan'/></interface>
</devices>`;
const QDISK = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/a.img'/><target dev='xvdc'/></disk>`;

/** As a kernel prints it, each number once; another card's name begins as ours. */
const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     901       9    0    0    0     0          0         0      901       9    0    0    0     0       0          0
vifN.01:     902       9    0    0    0     0          0         0      902       9    0    0    0     0       0          0
vifN.0:     11       12    13    14    15     16          17         18 18446744073709551615       22    23    24    25     26       27          28
web1-lan: 31 32 33 34 0 0 0 0 41 42 43 44 0 0 0 0
`;

let local: LocalHost;
let domid: number;
let described: ((toolstack: Toolstack) => Toolstack) | undefined;
beforeEach(async () => {
  described = undefined;
  local = await LocalHost.make({ around: (toolstack) => described?.(toolstack) ?? toolstack });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

async function run(devices: string = DEVICES): Promise<void> {
  const xml = guestXml({ name: 'web1', mib: 8 }).replace('</domain>', `${devices}</domain>`);
  await createDomain(local.host, xml, { paused: true, validate: true, signal: never });
  ({ domid } = await local.host.find('web1'));
}

function kernel(path: string, text: string): void {
  const file = local.path('kernel', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function counters(devid: number, first: number): void {
  const names = ['f_req', 'wr_req', 'rd_req', 'wr_sect', 'rd_sect', 'ds_req', 'oo_req'];
  for (const [index, name] of names.entries()) {
    kernel(`sys/bus/xen-backend/devices/vbd-${domid}-${devid}/statistics/${name}`, `${first + index}\n`);
  }
}

describe('S20: what a domain read from its disks and wrote to them', () => {
  it('one disk, by its name or its source; sectors are of 512 bytes', async () => {
    await run();
    counters(51_712, 100);
    const expected = {
      flushRequests: 100n,
      writeRequests: 101n,
      readRequests: 102n,
      writeBytes: 103n * 512n,
      readBytes: 104n * 512n,
      errors: 106n,
    };
    expect(await diskStatistics(local.host, 'web1', 'xvda', never)).toEqual(expected);
    expect(await diskStatistics(local.host, 'web1', '/dev/vg/root', never)).toEqual(expected);
  });

  it('all of them together', async () => {
    await run();
    counters(51_712, 100);
    counters(2 ** 28 + 26 * 256, 1000);
    expect(await diskStatistics(local.host, 'web1', undefined, never)).toEqual({
      flushRequests: 1100n,
      writeRequests: 1102n,
      readRequests: 1104n,
      writeBytes: 1106n * 512n,
      readBytes: 1108n * 512n,
      errors: 1112n,
    });
  });

  it('a disk that nobody counts is named, and then there is no sum either', async () => {
    await run(DEVICES.replace('</devices>', `${QDISK}</devices>`));
    counters(51_712, 100);
    counters(2 ** 28 + 26 * 256, 1000);
    const refused = { code: 'E_REFUSED_UNSUPPORTED', message: 'disk xvdc: unsupported disk driver qemu' };
    await expect(diskStatistics(local.host, 'web1', 'xvdc', never)).rejects.toMatchObject(refused);
    await expect(diskStatistics(local.host, 'web1', undefined, never)).rejects.toMatchObject(refused);
    expect((await diskStatistics(local.host, 'web1', 'xvda', never)).readRequests).toBe(102n);
  });

  it.each([
    // Without a driver the toolstack has chosen one, for what is no device qemu (S47).
    [
      "<disk type='block' device='disk'><driver name='phy'/><source dev='/dev/vg/root'/>",
      "<disk type='file' device='disk'><source file='/srv/root.img'/>",
      'disk xvda: unsupported disk driver qemu',
    ],
    ["dev='xvda'/>", "dev='xvda'/><backenddomain name='stor'/>", 'disk xvda: domain stor serves it and counts there'],
  ])('%s instead of %s: %s', async (was, is, message) => {
    await run(DEVICES.replace(was, is));
    const answer = diskStatistics(local.host, 'web1', 'xvda', never);
    await expect(answer).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED', message });
  });

  it('says what is wrong: no such disk, no counters, no number, not running', async () => {
    await run();
    await expect(diskStatistics(local.host, 'web1', 'xvdz', never)).rejects.toMatchObject({
      code: 'E_REFUSED_NO_DISK',
      message: expect.stringContaining('invalid path') as string,
      hint: 'It has xvda, xvdaa.',
    });
    await expect(diskStatistics(local.host, 'web1', 'xvda', never)).rejects.toMatchObject({
      code: 'E_SYSTEM_COUNTERS',
      message: expect.stringContaining('cannot open bus path') as string,
    });
    counters(51_712, 100);
    kernel(`sys/bus/xen-backend/devices/vbd-${domid}-51712/statistics/rd_sect`, '-1\n');
    await expect(diskStatistics(local.host, 'web1', 'xvda', never)).rejects.toMatchObject({
      code: 'E_SYSTEM_COUNTERS',
      message: expect.stringContaining('rd_sect does not contain a number') as string,
    });
    await define(local.host, guestXml({ name: 'idle', mib: 8 }), { validate: true, signal: never });
    await expect(diskStatistics(local.host, 'idle', undefined, never)).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_RUNNING',
    });
    await expect(diskStatistics(local.host, '0', undefined, never)).rejects.toMatchObject({
      code: 'E_REFUSED_DOMAIN0',
    });
  });

  it('no disks: nothing was read or written', async () => {
    await run('');
    expect(await diskStatistics(local.host, 'web1', undefined, never)).toMatchObject({
      readRequests: 0n,
      writeBytes: 0n,
    });
  });
});

describe('S41: what a domain received and sent', () => {
  const first = {
    received: { bytes: 18_446_744_073_709_551_615n, packets: 22n, errors: 23n, dropped: 24n },
    sent: { bytes: 11n, packets: 12n, errors: 13n, dropped: 14n },
  };

  it("S40: the host's figures the other way round, by name and by address", async () => {
    await run();
    kernel('proc/net/dev', NET_DEV.replaceAll('vifN', `vif${domid}`));
    const ifname = `vif${domid}.0`;
    expect(await interfaceStatistics(local.host, 'web1', ifname, never)).toEqual({ ifname, ...first });
    expect(await interfaceStatistics(local.host, 'web1', MAC.toUpperCase(), never)).toEqual({ ifname, ...first });
    expect(await interfaceStatistics(local.host, 'web1', 'web1-lan', never)).toMatchObject({
      received: { bytes: 41n },
      sent: { bytes: 31n },
    });
  });

  it("only the domain's own", async () => {
    await run();
    kernel('proc/net/dev', NET_DEV.replaceAll('vifN', `vif${domid}`));
    for (const other of ['lo', `vif${domid}.01`, `vif${domid}`, `vif${domid}.1`, `vif${domid + 1}.0`, '']) {
      await expect(interfaceStatistics(local.host, 'web1', other, never), other).rejects.toMatchObject({
        code: 'E_USAGE_INTERFACE',
        message: `'${other}' is not a known interface of domain web1`,
        hint: `It has vif${domid}.0, web1-lan.`,
      });
    }
  });

  it('one that the host has not made, and a line of another form', async () => {
    await run();
    const ifname = `vif${domid}.0`;
    const notFound = {
      code: 'E_REFUSED_NO_INTERFACE',
      message: expect.stringContaining('Interface not found') as string,
    };
    await expect(interfaceStatistics(local.host, 'web1', ifname, never)).rejects.toMatchObject(notFound);
    kernel('proc/net/dev', `${ifname}0: 1 2 3\n`);
    await expect(interfaceStatistics(local.host, 'web1', ifname, never)).rejects.toMatchObject(notFound);
    kernel('proc/net/dev', `${ifname}: 1 2 3\n`);
    await expect(interfaceStatistics(local.host, 'web1', ifname, never)).rejects.toMatchObject({
      code: 'E_SYSTEM_COUNTERS',
    });
    rmSync(local.path('kernel'), { recursive: true });
    mkdirSync(local.path('kernel/proc/net/dev'), { recursive: true });
    await expect(interfaceStatistics(local.host, 'web1', ifname, never)).rejects.toMatchObject({
      code: 'E_SYSTEM_COUNTERS',
    });
  });

  it('an address finds its card by the number that libxl gave it, not by its place', async () => {
    described = (toolstack) =>
      new Proxy(toolstack, {
        get(target, key) {
          if (key !== 'describe') {
            const value: unknown = Reflect.get(target, key);
            return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
          }
          return async (...words: Parameters<Toolstack['describe']>) => ({
            ...(await target.describe(...words)),
            native: { format: 'libxl-json', text: JSON.stringify({ nics: [{ devid: 3, mac: MAC.toUpperCase() }] }) },
          });
        },
      });
    await local.open();
    await run();
    kernel('proc/net/dev', `vif${domid}.0: ${'7 '.repeat(16)}\nvif${domid}.3: ${'1 '.repeat(16)}\n`);
    expect(await interfaceStatistics(local.host, 'web1', MAC, never)).toMatchObject({
      ifname: `vif${domid}.3`,
      sent: { bytes: 1n },
    });
  });

  it('numbers of cards: absent is the first', () => {
    expect([...nicNumbers('{"nics":[{"mac":"AA:bb:00:00:00:01"},{"devid":2,"mac":"aa:bb:00:00:00:02"}]}')]).toEqual([
      ['aa:bb:00:00:00:01', 0],
      ['aa:bb:00:00:00:02', 2],
    ]);
    expect(nicNumbers('{}').size).toBe(0);
    expect(nicNumbers('{"nics":[{},{"devid":-1,"mac":"aa:bb:00:00:00:03"}]}').get('aa:bb:00:00:00:03')).toBe(1);
    for (const bad of ['', '{"nics":[{"devid":65536}]}', '{"nics":{}}']) {
      expect(() => nicNumbers(bad)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_LIBXL_JSON' }) as Error);
    }
  });
});

describe('a toolstack that does not answer', () => {
  const silent = (signal?: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  const hanging = (callMs: number): Promise<LocalHost> =>
    LocalHost.make({ deadlines: { callMs }, around: (toolstack) => Object.assign(toolstack, { list: silent }) });

  it('is not waited for longer than a call may take', async () => {
    await using hung = await hanging(30);
    const late = { code: 'E_DEADLINE_TOOLSTACK' };
    await expect(diskStatistics(hung.host, 'web1', undefined, never)).rejects.toMatchObject(late);
    await expect(interfaceStatistics(hung.host, 'web1', MAC, never)).rejects.toMatchObject(late);
    await expect(memoryStatistics(hung.host, 'web1', never)).rejects.toMatchObject(late);
  });

  it('is not waited for by who has been stopped', async () => {
    await using hung = await hanging(600_000);
    const stop = new AbortController();
    const answer = memoryStatistics(hung.host, 'web1', stop.signal);
    const stopped = new Error('stopped');
    stop.abort(stopped);
    await expect(answer).rejects.toBe(stopped);
  });
});
