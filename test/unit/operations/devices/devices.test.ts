import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDeviceXml, readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import type { Device } from '../../../../src/domain/definition/devices/device.js';
import { deviceText } from '../../../../src/domain/definition/pluggable.js';
import { attachDevice, type DeviceChange } from '../../../../src/operations/devices/attach-device.js';
import { detachDevice } from '../../../../src/operations/devices/detach-device.js';
import { changeMedia, updateDevice, type MediumRequest } from '../../../../src/operations/devices/update-device.js';
import { LeaseFolder } from '../../../../src/host/leases/lease-folder.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import type { ImpactFlags } from '../../../../src/operations/definition/impact.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { suspendDomain } from '../../../../src/operations/lifecycle/pause.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import { DaemonWatch } from '../../../../src/operations/watch/daemon-watch.js';
import { AbortedError, ToolstackError } from '../../../../src/errors/errors.js';
import type { Toolstack } from '../../../../src/toolstack/toolstack.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never } from '../../../support/local-host.js';
import { throughJson } from '../../../support/through-json.js';

const NO_FLAGS = { live: false, config: false, current: false };
const LIVE = { ...NO_FLAGS, live: true };
const CONFIG = { ...NO_FLAGS, config: true };
const BOTH = { ...NO_FLAGS, persistent: true };

const disk = (target: string, path = `/srv/${target}.img`): string =>
  `<disk type='file'><source file='${path}'/><target dev='${target}'/></disk>`;
const card = (mac?: string): string =>
  `<interface type='bridge'>${mac === undefined ? '' : `<mac address='${mac}'/>`}<source bridge='br0'/></interface>`;
const usb = (device: number, more = ''): string =>
  `<hostdev mode='subsystem' type='usb'><source><address bus='1' device='${device}'/></source>${more}</hostdev>`;
const usbKind = (vendor: string, product: string): string =>
  `<hostdev mode='subsystem' type='usb'><source><vendor id='${vendor}'/><product id='${product}'/></source></hostdev>`;
const controller = (index?: number, more = ''): string =>
  `<controller type='usb'${index === undefined ? '' : ` index='${index}'`} ${more}/>`;

const HOSTS: readonly (readonly [string, (toolstack: Toolstack) => Toolstack])[] = [
  ['on an embedded host', (toolstack) => toolstack],
  ["as libxl's JSON has them", throughJson],
];

describe.each(HOSTS)('%s', (_kind, around) => {
  let leases: string;
  let local: LocalHost;
  beforeEach(async () => {
    leases = mkdtempSync(join(tmpdir(), 'xenferry-leases-'));
    local = await LocalHost.make({ leaseDir: leases, around });
    writeFileSync(local.path('host.json'), JSON.stringify({ hostname: 'hv1' }));
  });
  afterEach(async () => {
    await local[Symbol.asyncDispose]();
    rmSync(leases, { recursive: true, force: true });
  });

  /** A guest that runs and is defined, of this type and with these devices. */
  async function guest(devices = '', type: 'pvh' | 'hvm' = 'pvh', name = 'web1'): Promise<void> {
    let xml = guestXml({ name, mib: 8 }).replace('</domain>', `<devices>${devices}</devices></domain>`);
    if (type === 'hvm') xml = xml.replace(/<os>.*<\/os>/s, "<os><type machine='xenfv'>hvm</type></os>");
    await define(local.host, xml, { validate: true, signal: never });
    await start(local.host, name, BOOT);
  }

  const attach = (xml: string, flags: ImpactFlags = LIVE, forceLease = false): Promise<DeviceChange> =>
    attachDevice(local.host, 'web1', { device: parseDeviceXml(xml), flags, forceLease, signal: never });
  const detach = (xml: string, flags: ImpactFlags = LIVE, force = false): Promise<DeviceChange> =>
    detachDevice(local.host, 'web1', { device: parseDeviceXml(xml), flags, force, signal: never });
  const medium = (about: Partial<MediumRequest>): Promise<DeviceChange> =>
    changeMedia(local.host, 'web1', {
      target: 'hdc',
      action: 'update',
      source: { type: 'file', path: '/srv/new.iso' },
      flags: LIVE,
      signal: never,
      ...about,
    });

  /** The devices of what runs, or of the definition, that can come and go. */
  async function devices(of: 'live' | 'config', name = 'web1'): Promise<Device[]> {
    const known = await local.host.findKnown(name);
    const domain =
      of === 'config'
        ? known.stored?.domain
        : known.info && (await local.host.toolstack.describe(known.info.domid)).domain;
    if (domain === undefined) throw new Error(`no ${of} definition of ${name}`);
    const kinds = ['disk', 'interface', 'hostdev'];
    return readDefinition(domain).definition.devices.filter(
      (device) => kinds.includes(device.kind) || (device.kind === 'controller' && device.type === 'usb'),
    );
  }
  const texts = async (of: 'live' | 'config', name?: string): Promise<string[]> =>
    (await devices(of, name)).map(deviceText);

  async function leased(): Promise<string[]> {
    const found: string[] = [];
    for (const key of readdirSync(leases).filter((name) => name.length === 64)) {
      const current = await new LeaseFolder(leases).read(key, never);
      if ((current?.record.holders.length ?? 0) > 0) found.push(current?.record.disk ?? '');
    }
    return found.sort();
  }

  /** What the host has on its USB. */
  function hostUsb(...there: { device: number; vendor?: string; product?: string }[]): void {
    for (const { device, vendor = '1d6b', product = '0002' } of there) {
      const folder = local.path('kernel', 'sys/bus/usb/devices', `1-${device}`);
      mkdirSync(folder, { recursive: true });
      const files = { busnum: '1', devnum: String(device), idVendor: vendor, idProduct: product };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `${text}\n`);
      mkdirSync(`${folder}:1.0`); // an interface of it, which has no numbers of its own
    }
  }

  describe('devices come and go', () => {
    it('a disk: now, at the next start, or both', async () => {
      await guest(disk('xvda'));
      await attach(disk('xvdb'));
      expect([await texts('live'), await texts('config')]).toEqual([['disk xvda', 'disk xvdb'], ['disk xvda']]);
      await attach(disk('xvdc'), CONFIG);
      expect([await texts('live'), await texts('config')]).toEqual([
        ['disk xvda', 'disk xvdb'],
        ['disk xvda', 'disk xvdc'],
      ]);
      await attach(disk('xvdd'), BOTH);
      await detach(disk('xvdb'));
      await detach(disk('xvdc'), CONFIG);
      const both = ['disk xvda', 'disk xvdd'];
      expect([await texts('live'), await texts('config')]).toEqual([both, both]);
      await detach("<disk type='block'><target dev='xvdd'/></disk>", BOTH); // its name is enough
      expect([await texts('live'), await texts('config')]).toEqual([['disk xvda'], ['disk xvda']]);
    });

    it('changes nothing where one of two cannot be', async () => {
      await guest(disk('xvda'));
      await attach(disk('xvdb'), CONFIG);
      await expect(attach(disk('xvdb'), BOTH)).rejects.toMatchObject({
        code: 'E_USAGE_DOMAIN_INVALID',
        message: expect.stringContaining('target xvdb already exists') as string,
      });
      expect(await texts('live')).toEqual(['disk xvda']);
      expect(await leased()).toEqual(['/srv/xvda.img']);
      await expect(detach(disk('xvdb'), BOTH)).rejects.toMatchObject({
        code: 'E_REFUSED_NO_DEVICE',
        message: 'disk xvdb not found in domain web1',
        hint: 'It has disk xvda.',
      });
      expect(await texts('config')).toEqual(['disk xvda', 'disk xvdb']);
    });

    it('S17: asks for what there is', async () => {
      await define(local.host, guestXml({ name: 'web1', mib: 8 }), { validate: true, signal: never });
      await expect(attach(disk('xvdb'), LIVE)).rejects.toMatchObject({ code: 'E_REFUSED_NOT_RUNNING' });
      await attach(disk('xvdb'), NO_FLAGS);
      await attach(disk('xvdc'), BOTH);
      expect(await texts('config')).toEqual(['disk xvdb', 'disk xvdc']);
      await createDomain(local.host, guestXml({ name: 'web2', mib: 8 }), {
        paused: true,
        validate: true,
        signal: never,
      });
      const transient = { device: parseDeviceXml(disk('xvdb')), flags: BOTH, forceLease: false, signal: never };
      await expect(attachDevice(local.host, 'web2', transient)).rejects.toMatchObject({ code: 'E_REFUSED_TRANSIENT' });
      expect(await texts('live', 'web2')).toEqual([]);
    });

    it.each(['0', 'Domain-0', '00000000-0000-0000-0000-000000000000'])('never to domain 0, called %s', async (ref) => {
      const request = {
        device: parseDeviceXml(disk('xvdb')),
        flags: LIVE,
        force: false,
        forceLease: false,
        signal: never,
      };
      await expect(attachDevice(local.host, ref, request)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
      await expect(detachDevice(local.host, ref, request)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
      await expect(updateDevice(local.host, ref, request)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
    });

    it('S07: what cannot be is refused before the toolstack is called', async () => {
      await guest(disk('xvda'));
      for (const [xml, says] of [
        [disk('xvda'), 'target xvda already exists'],
        ["<disk type='file'><target dev='xvdb'/></disk>", 'source: is missing'],
        [disk('hda'), 'disk hda cannot be hot plugged: it is on bus ide'],
        ["<disk type='file' device='cdrom'><target dev='hdc'/></disk>", 'a cdrom drive is present from the start'],
        ["<controller type='ide' index='0'/>", 'controller ide:0 cannot be hot plugged'],
        ["<sound model='ac97'/>", 'sound cannot be hot plugged'],
      ]) {
        await expect(attach(xml)).rejects.toThrow(says);
      }
      expect(await texts('live')).toEqual(['disk xvda']);
    });

    it('an emulated disk of a guest stays', async () => {
      await guest(disk('hda'), 'hvm');
      await expect(detach(disk('hda'))).rejects.toThrow('disk hda cannot be hot plugged: it is on bus ide');
    });

    it('changes nothing that runs where the definition could not be kept', async () => {
      await guest(disk('xvda'));
      // As a lenient peer may have left it.
      const { stored } = await local.host.findKnown('web1');
      const { definition } = readDefinition(stored!.domain);
      const twice = toDomain({ ...definition, devices: [...definition.devices, definition.devices[0]] });
      local.host.definitions.put({ domain: twice, autostart: false });
      await expect(attach(disk('xvdb'), BOTH)).rejects.toMatchObject({ code: 'E_USAGE_DOMAIN_INVALID' });
      expect([await texts('live'), await leased()]).toEqual([['disk xvda'], ['/srv/xvda.img']]);
      const { definitions } = local.host;
      definitions.put({ domain: toDomain(definition), autostart: false });
      definitions.put = () => {
        throw new Error('no space left');
      };
      await expect(attach(disk('xvdb'), BOTH)).rejects.toMatchObject({
        code: 'E_SYSTEM_REGISTRY',
        message: 'domain web1 was changed while running, but its definition was not: no space left',
      });
      expect(await texts('live')).toEqual(['disk xvda', 'disk xvdb']);
    });

    it('S25: a toolstack that cannot do it is asked first', async () => {
      writeFileSync(local.path('host.json'), JSON.stringify({ lacks: ['usb-hotplug', 'disk-hotplug'] }));
      await guest();
      await expect(attach(controller())).rejects.toMatchObject({
        code: 'E_REFUSED_UNSUPPORTED',
        message: expect.stringContaining('lacks usb-hotplug') as string,
      });
      await expect(attach(disk('xvdb'))).rejects.toThrow('lacks disk-hotplug');
      await attach(card());
      expect(await texts('live')).toHaveLength(1);
    });

    it('S46 S47: a disk without a driver has one once it runs, and can be detached', async () => {
      await guest(disk('xvda') + "<disk type='block'><source dev='/dev/vg/b'/><target dev='xvdb'/></disk>");
      await attach(disk('xvdc'));
      const of = async (which: 'live' | 'config'): Promise<unknown[]> =>
        (await devices(which)).map((one) => one.kind === 'disk' && [one.target, one.driver, one.format]);
      expect(await of('live')).toEqual([
        ['xvda', 'qemu', 'raw'],
        ['xvdb', 'phy', 'raw'],
        ['xvdc', 'qemu', 'raw'],
      ]);
      expect(await of('config')).toEqual([
        ['xvda', undefined, 'raw'],
        ['xvdb', undefined, 'raw'],
      ]);
      await detach(disk('xvda'));
      await detach(disk('xvdc'));
      expect(await texts('live')).toEqual(['disk xvdb']);
    });
  });

  describe('a guest that does not let go', () => {
    it('keeps its disk and the lease, and the operator hears why; --force takes it', async () => {
      await guest(disk('xvda'));
      writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'keep-disks' }]));
      await expect(detach(disk('xvda'), BOTH)).rejects.toMatchObject({
        code: 'E_TOOLSTACK_TIMEDOUT',
        message: expect.stringMatching(/^the guest does not release disk xvda: /) as string,
      });
      expect([await texts('live'), await texts('config'), await leased()]).toEqual([
        ['disk xvda'],
        ['disk xvda'],
        ['/srv/xvda.img'],
      ]);
      await detach(disk('xvda'), BOTH, true);
      expect([await texts('live'), await texts('config'), await leased()]).toEqual([[], [], []]);
    });

    it('because it stands still is not asked for a disk', async () => {
      await guest(disk('xvda') + card('00:16:3e:00:00:01'));
      await suspendDomain(local.host, 'web1', never);
      await expect(detach(disk('xvda'))).rejects.toMatchObject({
        code: 'E_REFUSED_STATE',
        message: 'domain web1 is paused: its guest cannot release disk xvda',
      });
      await detach(card('00:16:3e:00:00:01'));
      expect([await texts('live'), await leased()]).toEqual([['disk xvda'], ['/srv/xvda.img']]);
      await detach(disk('xvda'), BOTH, true);
      expect([await texts('live'), await leased()]).toEqual([[], []]);
    });

    it('in time, but in the end: what is gone is gone', async () => {
      await guest(disk('xvda'));
      const inner = local.host.toolstack;
      const detachIt = inner.detach.bind(inner);
      inner.detach = async (id, device, options) => {
        await detachIt(id, device, options);
        throw new ToolstackError('E_TOOLSTACK_TIMEDOUT', 'the back end did not answer');
      };
      await detach(disk('xvda'), BOTH, true);
      expect([await texts('config'), await leased()]).toEqual([[], []]);
    });

    it('when the operator gives up hears that it has been asked', async () => {
      await guest(disk('xvda'));
      local.host.toolstack.detach = () => Promise.reject(new AbortedError('interrupted'));
      await expect(detach(disk('xvda'))).rejects.toMatchObject({
        message: 'interrupted',
        hint: expect.stringContaining('run detach again') as string,
      });
      expect(await leased()).toEqual(['/srv/xvda.img']);
    });

    it('S25: a toolstack that would take its disks from it anyway has to be told to', async () => {
      writeFileSync(local.path('host.json'), JSON.stringify({ lacks: ['disk-safe-detach'] }));
      await guest(disk('xvda') + card('00:16:3e:00:00:01'));
      await expect(detach(disk('xvda'))).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      await detach(card('00:16:3e:00:00:01')); // nothing is lost with it
      expect(await texts('live')).toEqual(['disk xvda']);
      await detach(disk('xvda'), LIVE, true);
      expect(await texts('live')).toEqual([]);
    });
  });

  describe('leases of disks that come and go', () => {
    it('are taken before a disk comes and given back when it has gone', async () => {
      await guest(disk('xvda'));
      await attach(disk('xvdb'));
      expect(await leased()).toEqual(['/srv/xvda.img', '/srv/xvdb.img']);
      await attach(disk('xvdc'), CONFIG); // nobody writes to it yet
      expect(await leased()).toHaveLength(2);
      await detach(disk('xvdb'));
      expect(await leased()).toEqual(['/srv/xvda.img']);
    });

    it("refuse another guest's disk, unless it is taken by force", async () => {
      await guest(disk('xvda', '/srv/other.img'), 'pvh', 'web2');
      await guest();
      await expect(attach(disk('xvdb', '/srv/other.img'))).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
      expect([await texts('live'), await leased()]).toEqual([[], ['/srv/other.img']]);
      await attach(disk('xvdb', '/srv/other.img'), LIVE, true);
      expect(await texts('live')).toEqual(['disk xvdb']);
      expect(local.log.join()).toContain('by force');
    });

    it('are given back where the toolstack fails', async () => {
      await guest(disk('xvda'));
      writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'attach-fails', count: 1 }]));
      await expect(attach(disk('xvdb'), BOTH)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      expect([await texts('live'), await texts('config'), await leased()]).toEqual([
        ['disk xvda'],
        ['disk xvda'],
        ['/srv/xvda.img'],
      ]);
      await attach(disk('xvdb'), BOTH);
      writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'detach-fails', count: 1 }]));
      await expect(detach(disk('xvdb'), BOTH)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      const both = ['disk xvda', 'disk xvdb'];
      expect([await texts('live'), await texts('config')]).toEqual([both, both]);
      expect(await leased()).toEqual(['/srv/xvda.img', '/srv/xvdb.img']);
      await detach(disk('xvdb'), BOTH);
      expect(await leased()).toEqual(['/srv/xvda.img']);
    });

    it('go with a disk that came although the call failed, which is taken out again', async () => {
      await guest(disk('xvda'));
      writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'attach-breaks', count: 2 }]));
      await expect(attach(disk('xvdb'))).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      await expect(attach(card('00:16:3e:00:00:01'))).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      expect([await texts('live'), await leased()]).toEqual([['disk xvda'], ['/srv/xvda.img']]);
    });

    it('stay where it is not known whether the disk is there', async () => {
      await guest(disk('xvda'));
      writeFileSync(
        local.path('faults.json'),
        JSON.stringify([
          { fault: 'attach-breaks', count: 1 },
          { fault: 'detach-fails', count: 1 },
        ]),
      );
      await expect(attach(disk('xvdb'))).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAULT' });
      expect([await texts('live'), await leased()]).toEqual([
        ['disk xvda', 'disk xvdb'],
        ['/srv/xvda.img', '/srv/xvdb.img'],
      ]);
      expect(local.log.join()).toContain('web1: attaching disk xvdb failed, and it could not be removed');
    });

    it('of other disks stay, wherever those are reached by now, until the guest ends', async () => {
      const share = join(leases, 'share');
      mkdirSync(share);
      writeFileSync(join(share, 'a.img'), '');
      symlinkSync(share, local.path('link'));
      await guest(disk('xvda', local.path('link', 'a.img')));
      await attach(disk('xvdb'));
      rmSync(local.path('link')); // the share is away for a moment
      await detach(disk('xvdb'));
      expect(await leased()).toEqual([join(share, 'a.img')]);
      await using watch = new DaemonWatch(await local.open(), 'a test');
      await watch.ready;
      expect(await leased()).toContain(join(share, 'a.img'));
      await destroyDomain(local.host, 'web1', never);
      expect(await leased()).toEqual([]);
    });

    it('are looked at in the folder, whatever this host remembers: killed between letting go and noting it', async () => {
      await guest(disk('xvda'));
      await attach(disk('xvdb'));
      const { uuid } = await local.host.findKnown('web1');
      const note = join(local.stateDir, 'leases', `${uuid}.json`);
      const before = readFileSync(note);
      await detach(disk('xvdb'));
      writeFileSync(note, before);
      await guest(disk('xvda', '/srv/xvdb.img'), 'pvh', 'web2');
      await expect(attach(disk('xvdb'))).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
      expect(await texts('live')).toEqual(['disk xvda']);
    });

    it('that may have been taken in vain are nobody’s in a migration, and go with the guest', async () => {
      await guest(disk('xvda'));
      const { leases: mine } = local.host;
      const { uuid } = await local.host.findKnown('web1');
      const device = parseDeviceXml(disk('xvdb'));
      if (device.kind !== 'disk') throw new Error('a disk');
      const stop = new AbortController();
      const taking = mine.hotPlug.take({ uuid, name: 'web1' }, device, false, stop.signal);
      stop.abort(new AbortedError('interrupted'));
      await expect(taking).rejects.toThrow('interrupted');
      const note = join(local.stateDir, 'leases', `${uuid}.json`);
      const noted = JSON.parse(readFileSync(note, 'utf8')) as { disks: { key: string; disk: string }[] };
      // As it is left behind where the answer of a slow folder was not waited for.
      const key = createHash('sha256').update('/srv/xvdb.img').digest('hex');
      const pending = { key, disk: '/srv/xvdb.img', mode: 'exclusive', pending: true };
      const disks = [...noted.disks.filter((one) => one.key !== key), pending];
      writeFileSync(note, JSON.stringify({ ...noted, disks }));
      await guest(disk('xvda', '/srv/xvdb.img'), 'pvh', 'web2');
      await expect(attach(disk('xvdb'))).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
      expect(readFileSync(note, 'utf8')).toContain('"pending":true'); // whether it was ours is known no better
      expect(await mine.migrating.reclaim(uuid, randomUUID())).toBeUndefined();
      await mine.migrating.check(uuid, never);
      await using watch = new DaemonWatch(await local.open(), 'a test');
      await watch.ready;
      expect(local.log.join()).not.toContain('WITHOUT ITS LEASE');
      await destroyDomain(local.host, 'web1', never);
      expect(await leased()).toEqual(['/srv/xvdb.img']); // of web2
    });

    it('that a guest has alone are not shared because it gets the disk once more', async () => {
      await guest(disk('xvda', '/srv/a.img'));
      const again = disk('xvdb', '/srv/a.img').replace('<target', '<shareable/><target');
      await attach(again);
      const shared = disk('xvda', '/srv/a.img').replace('<target', '<shareable/><target');
      await expect(guest(shared, 'pvh', 'web2')).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
      await detach(again);
      await expect(start(local.host, 'web2', BOOT)).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
      expect(await leased()).toEqual(['/srv/a.img']);
    });

    it('that are shared stay so, though the toolstack does not say it', async () => {
      const shared = disk('xvda', '/srv/shared.img').replace('<target', '<shareable/><target');
      await guest(shared);
      await guest(shared, 'pvh', 'web2');
      await attach(disk('xvdb'));
      await guest(disk('xvda', '/srv/other.img'), 'pvh', 'web3');
      await attach(disk('xvdc', '/srv/other.img'), LIVE, true);
      await guest(shared, 'pvh', 'web4'); // nobody was thrown out, and nobody has it alone
      expect(await leased()).toEqual(['/srv/other.img', '/srv/shared.img', '/srv/xvdb.img']);
      await using watch = new DaemonWatch(await local.open(), 'a test');
      await watch.ready;
      await guest(shared, 'pvh', 'web5');
    });

    it('are in one folder: not in another one in the midst of a run', async () => {
      await guest(disk('xvda'));
      const other = await LocalHost.make();
      await using _other = other;
      const { Leases } = await import('../../../../src/host/leases/leases.js');
      const moved = new Leases({
        dir: other.dir,
        open: (dir) => new LeaseFolder(dir),
        stateDir: local.stateDir,
        hostname: () => Promise.resolve('hv1'),
        bootId: undefined,
        isHere: () => Promise.resolve(true),
        callMs: 5000,
        log: () => undefined,
      });
      const { uuid } = await local.host.findKnown('web1');
      const device = parseDeviceXml(disk('xvdb'));
      if (device.kind !== 'disk') throw new Error('a disk');
      await expect(moved.hotPlug.take({ uuid, name: 'web1' }, device, false, never)).rejects.toMatchObject({
        code: 'E_REFUSED_LEASE_FOLDER',
      });
    });
  });

  describe('network cards', () => {
    it('S42: get an address where they have none, and the same one for the next start', async () => {
      await guest();
      const { device } = await attach(card(), BOTH);
      const mac = device.kind === 'interface' ? device.mac : undefined;
      expect(mac).toMatch(/^00:16:3e:/);
      expect([await texts('live'), await texts('config')]).toEqual([[`network card ${mac}`], [`network card ${mac}`]]);
      await expect(attach(card(mac))).rejects.toThrow('occurs more than once');
    });

    it('keep their address in a definition where a change does not name it', async () => {
      await guest(card('00:16:3e:00:00:01'));
      const moved = parseDeviceXml(card().replace('br0', 'br1'));
      // Found by its source, which is the one that changes: so by nothing.
      await expect(
        updateDevice(local.host, 'web1', { device: moved, flags: CONFIG, signal: never }),
      ).rejects.toMatchObject({ code: 'E_REFUSED_NO_DEVICE' });
      const slower = parseDeviceXml(card().replace('</interface>', "<mtu size='1400'/></interface>"));
      const { device } = await updateDevice(local.host, 'web1', { device: slower, flags: CONFIG, signal: never });
      expect(device).toMatchObject({ mac: '00:16:3e:00:00:01' });
      expect((await devices('config'))[0]).toMatchObject({ mac: '00:16:3e:00:00:01', mtu: 1400 });
    });

    it('without an address are found where there is only one of their kind', async () => {
      await guest(card('00:16:3e:00:00:01') + card('00:16:3e:00:00:02'));
      await expect(detach(card())).rejects.toMatchObject({ code: 'E_REFUSED_AMBIGUOUS' });
      await detach(card('00:16:3e:00:00:01'));
      await detach(card());
      expect(await texts('live')).toEqual([]);
      const any = { kind: 'card', type: 'bridge', mac: undefined } as const;
      await expect(
        detachDevice(local.host, 'web1', { device: any, flags: LIVE, force: false, signal: never }),
      ).rejects.toMatchObject({
        message: 'network card of type bridge not found in domain web1',
      });
      await detachDevice(local.host, 'web1', {
        device: { ...any, mac: '00:16:3e:00:00:02' },
        flags: CONFIG,
        force: false,
        signal: never,
      });
      expect(await texts('config')).toEqual(['network card 00:16:3e:00:00:01']);
    });
  });

  describe('USB', () => {
    it('S21: controllers come with a number and ports of their own, and go', async () => {
      await guest();
      const { device } = await attach(controller(), BOTH);
      expect(device).toMatchObject({ index: 0, model: 'qusb2', ports: 8 });
      await attach(controller(3, "model='qusb1' ports='4'"));
      await attach(controller());
      expect(await texts('live')).toEqual(['controller usb:0', 'controller usb:3', 'controller usb:1']);
      expect(await texts('config')).toEqual(['controller usb:0']);
      await expect(attach(controller(3))).rejects.toThrow('target usb:3 already exists');
      await expect(detach(controller(7))).rejects.toThrow('controller usb:7 not found');
      await detach(controller(3));
      expect(await texts('live')).toEqual(['controller usb:0', 'controller usb:1']);
    });

    it('S21: no controller comes to a running HVM guest where that ends its device model; --config takes it', async () => {
      hostUsb({ device: 2 });
      await guest('', 'hvm');
      const before = { live: await texts('live'), config: await texts('config') };
      const isOn = (xen: string): void =>
        writeFileSync(local.path('host.json'), JSON.stringify({ hostname: 'hv1', xen }));
      isOn('4.20');
      const refused = { code: 'E_REFUSED_UNSUPPORTED', hint: expect.stringContaining('--config') as string };
      await expect(attach(controller())).rejects.toMatchObject(refused);
      await expect(attach(controller(), BOTH)).rejects.toMatchObject(refused);
      await expect(attach(usb(2))).rejects.toMatchObject(refused);
      expect({ live: await texts('live'), config: await texts('config') }).toEqual(before);
      await attach(controller(), CONFIG);
      expect(await texts('config')).toEqual([...before.config, 'controller usb:0']);
      isOn('4.17');
      await attach(controller());
      expect(await texts('live')).toEqual([...before.live, 'controller usb:0']);
      isOn('4.20');
      await attach(usb(2)); // into a controller that is there
      expect(await texts('live')).toHaveLength(before.live.length + 2);
    });

    it('S14 S22: a device of the host takes a free port, or one of a controller that comes with it', async () => {
      hostUsb(...Array.from({ length: 9 }, (_, index) => ({ device: index + 2 })));
      await guest();
      for (let device = 2; device <= 9; device += 1) await attach(usb(device));
      const places = async (): Promise<unknown[]> =>
        (await devices('live')).map((one) =>
          one.guestAddress?.type === 'usb' ? `${one.guestAddress.bus}.${one.guestAddress.port}` : deviceText(one),
        );
      expect(await places()).toEqual(['controller usb:0', ...[1, 2, 3, 4, 5, 6, 7, 8].map((port) => `0.${port}`)]);
      await attach(usb(10));
      expect(await places()).toEqual(expect.arrayContaining(['controller usb:1', '1.1']));
      expect(await places()).toHaveLength(11);
      await expect(detach(controller(1))).rejects.toMatchObject({ code: 'E_REFUSED_DEVICE_BUSY' });
      await detach(usb(4));
      await attach(usb(4)); // into the port that became free
      expect((await places()).at(-1)).toBe('0.3');
      await detach(usb(10));
      await detach(controller(1));
      await expect(detach(usb(10))).rejects.toMatchObject({
        code: 'E_REFUSED_NO_DEVICE',
        message: 'host USB device Busnum: 1, Devnum: 10 not found in domain web1',
      });
    });

    it('S22: a controller that was made for a device that then fails goes again', async () => {
      hostUsb({ device: 2 });
      await guest();
      const inner = local.host.toolstack;
      const attachIt = inner.attach.bind(inner);
      inner.attach = (id, device, signal) =>
        device.kind === 'hostdev' ? Promise.reject(new Error('no')) : attachIt(id, device, signal);
      await expect(attach(usb(2))).rejects.toThrow('no');
      expect(await texts('live')).toEqual([]);
      inner.attach = () => Promise.reject(new Error('no controller'));
      await expect(attach(usb(2))).rejects.toThrow(
        'No available USB controller and port, and failed to attach a new one: no controller',
      );
    });

    it('S13 S14: go where they are told, with a controller where there is none of that number', async () => {
      hostUsb({ device: 2 }, { device: 3 });
      await guest();
      await attach(usb(2, "<address type='usb' bus='3' port='2'/>"));
      expect(await texts('live')).toEqual(['controller usb:3', 'host USB device Busnum: 1, Devnum: 2']);
      await attach(usb(3));
      expect((await devices('live')).at(-1)).toMatchObject({ guestAddress: { bus: 3, port: '1' } });
    });

    it('S13: another guest that cannot be looked at is in nobody’s way', async () => {
      hostUsb({ device: 2 });
      await guest('', 'pvh', 'web2');
      await guest();
      const inner = local.host.toolstack;
      const other = (await local.host.find('web2')).domid;
      const describeIt = inner.describe.bind(inner);
      inner.describe = (id, signal) =>
        id === other ? Promise.reject(new Error('it is dying')) : describeIt(id, signal);
      await attach(usb(2));
      expect(local.log.join()).toContain('web2: its devices could not be listed: it is dying');
    });

    it('S13: a device by vendor and product is the only one of its kind, is there, and is nobody else’s', async () => {
      hostUsb({ device: 2, vendor: '0951', product: '1666' }, { device: 3 }, { device: 4 });
      await guest();
      await attach(usbKind('0x0951', '0x1666'));
      expect((await texts('live')).at(-1)).toBe('host USB device Busnum: 1, Devnum: 2');
      await expect(attach(usbKind('0x1d6b', '0x0002'))).rejects.toMatchObject({
        code: 'E_REFUSED_NO_USB_DEVICE',
        message: 'the host has 2 USB devices 1d6b:0002: bus 1 device 3, bus 1 device 4',
      });
      await expect(attach(usbKind('0x1234', '0x0001'))).rejects.toThrow('host USB device 1234:0001 not found');
      await expect(attach(usb(9))).rejects.toThrow('host USB device Busnum: 1, Devnum: 9 not found');
      await guest('', 'pvh', 'web2');
      await expect(
        attachDevice(local.host, 'web2', {
          device: parseDeviceXml(usb(2)),
          flags: LIVE,
          forceLease: false,
          signal: never,
        }),
      ).rejects.toMatchObject({ code: 'E_REFUSED_USB_IN_USE', message: expect.stringContaining('web1') as string });
      await detach(usbKind('0x0951', '0x1666'));
      expect((await texts('live')).filter((text) => text.startsWith('host'))).toEqual([]);
    });
  });

  describe('USB devices of a guest that starts', () => {
    it('S13 L13: are found on the host, and there are controllers for all of them', async () => {
      hostUsb(
        { device: 2, vendor: '0951', product: '1666' },
        ...Array.from({ length: 8 }, (_, at) => ({ device: at + 3 })),
      );
      const eight = Array.from({ length: 8 }, (_, at) => usb(at + 3)).join('');
      await guest(usbKind('0x0951', '0x1666') + eight + "<controller type='usb' index='4' ports='2'/>");
      const places = (await devices('live')).map((one) =>
        one.guestAddress?.type === 'usb' ? `${one.guestAddress.bus}.${one.guestAddress.port}` : deviceText(one),
      );
      expect(places.sort()).toEqual(
        [
          '4.1',
          '4.2',
          ...[1, 2, 3, 4, 5, 6, 7].map((port) => `0.${port}`),
          'controller usb:0',
          'controller usb:4',
        ].sort(),
      );
      expect(await texts('live')).toContain('host USB device Busnum: 1, Devnum: 2');
      expect(await texts('config')).toContain('host USB device 0951:1666'); // it may be elsewhere at the next start
    });

    it('S13 L13: with a place of their own have their controllers, and nobody else their ports', async () => {
      hostUsb({ device: 2 }, { device: 3 }, { device: 4 });
      await guest(usb(2, "<address type='usb' bus='0' port='1'/>") + usb(3) + usb(4));
      const places = (await devices('live')).map((one) =>
        one.guestAddress?.type === 'usb' ? `${one.guestAddress.bus}.${one.guestAddress.port}` : deviceText(one),
      );
      expect(places.sort()).toEqual(['0.1', '0.2', '0.3', 'controller usb:0']);
    });

    it('S13: come back with a guest that reboots', async () => {
      hostUsb({ device: 2, vendor: '0951', product: '1666' });
      await guest(usbKind('0x0951', '0x1666'));
      await using watch = new DaemonWatch(await local.open(), 'a test');
      await watch.ready;
      const { domid } = await local.host.find('web1');
      await local.host.toolstack.reboot(domid);
      await expect.poll(async () => (await local.host.find('web1')).domid, { timeout: 20_000 }).not.toBe(domid);
      expect(await texts('live')).toContain('host USB device Busnum: 1, Devnum: 2');
    });

    it('S13: one that is not there, or another guest has, keeps it from starting', async () => {
      hostUsb({ device: 2 });
      await guest(usb(2));
      const second = guestXml({ name: 'web2', mib: 8 }).replace('</domain>', `<devices>${usb(2)}</devices></domain>`);
      const request = { paused: false, validate: true, signal: never };
      await expect(createDomain(local.host, second, request)).rejects.toMatchObject({ code: 'E_REFUSED_USB_IN_USE' });
      await expect(createDomain(local.host, second.replace("device='2'", "device='9'"), request)).rejects.toMatchObject(
        {
          code: 'E_REFUSED_NO_USB_DEVICE',
        },
      );
      expect((await local.host.toolstack.list()).map(({ name }) => name)).toEqual(['web1']);
    });
  });

  describe('media', () => {
    const cdrom = (path?: string): string =>
      `<disk type='file' device='cdrom'>${path === undefined ? '' : `<source file='${path}'/>`}<target dev='hdc'/></disk>`;
    const inDrive = async (of: 'live' | 'config'): Promise<unknown> =>
      (await devices(of)).map((one) => one.kind === 'disk' && one.source.type === 'file' && one.source.path);

    it('are put in and taken out, of what runs and of the definition', async () => {
      await guest(cdrom('/srv/old.iso'), 'hvm');
      await medium({ flags: BOTH });
      expect([await inDrive('live'), await inDrive('config')]).toEqual([['/srv/new.iso'], ['/srv/new.iso']]);
      await expect(medium({ action: 'insert' })).rejects.toMatchObject({ code: 'E_REFUSED_MEDIUM' });
      const none = { type: 'file', path: undefined } as const;
      await medium({ action: 'eject', source: none });
      expect(await inDrive('live')).toEqual([undefined]);
      await expect(medium({ action: 'eject', source: none })).rejects.toThrow('has no medium');
      await medium({ action: 'insert' });
      await updateDevice(local.host, 'web1', { device: parseDeviceXml(cdrom()), flags: LIVE, signal: never });
      expect(await inDrive('live')).toEqual([undefined]);
      expect((await devices('live'))[0]).toMatchObject({ device: 'cdrom', readonly: true });
    });

    it('belong to drives: nothing else changes while it runs, and anything in a definition', async () => {
      await guest(disk('xvda') + card('00:16:3e:00:00:01'));
      await expect(medium({ target: 'hdc' })).rejects.toMatchObject({ code: 'E_REFUSED_NO_DEVICE' });
      await expect(medium({ target: 'xvda' })).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      const moved = parseDeviceXml(card('00:16:3e:00:00:01').replace('br0', 'br1'));
      await expect(
        updateDevice(local.host, 'web1', { device: moved, flags: LIVE, signal: never }),
      ).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      await updateDevice(local.host, 'web1', { device: moved, flags: CONFIG, signal: never });
      expect((await devices('config')).at(-1)).toMatchObject({ source: { bridge: 'br1' } });
      expect((await devices('live')).at(-1)).toMatchObject({ source: { bridge: 'br0' } });
    });
  });
});
