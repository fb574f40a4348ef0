import { describe, expect, it } from 'vitest';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import { defineDomain } from '../../../../src/domain/definition/define.js';
import { nicType } from '../../../../src/domain/definition/devices/interface.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { guest, PV_OS, PVH_OS, RICH_HVM } from './guests.js';

const context = { randomOctets: () => [1, 2, 0xfe] as const };
const complete = (parts: Parameters<typeof guest>[0]): Definition =>
  applyDefaults(readDefinition(parseDomainXml(guest(parts))).definition, context);
const xmlOf = (parts: Parameters<typeof guest>[0]): string => formatDomainXml(toDomain(complete(parts)));

describe('defaults', () => {
  it('S46: a disk without format is raw, and says so', () => {
    expect(xmlOf({ devices: "<disk type='block'><source dev='/dev/x'/><target dev='xvda'/></disk>" })).toContain(
      "<driver type='raw'/>",
    );
    const empty = complete({ devices: "<disk device='cdrom'><target dev='hdc'/></disk>" }).devices[0];
    expect(empty).toMatchObject({ format: undefined, readonly: true, bus: 'ide' });
    const rbd = complete({
      devices: "<disk type='network'><source protocol='rbd' name='p/i'/><target dev='xvda'/></disk>",
    }).devices[0];
    expect(rbd).toMatchObject({ driver: 'qemu', format: 'raw' });
  });

  it('a card without address gets one of Xen', () => {
    expect(complete({ devices: "<interface type='bridge'><source bridge='b'/></interface>" }).devices[0]).toMatchObject(
      {
        mac: '00:16:3e:01:02:fe',
      },
    );
  });

  it('S16: the console of an HVM guest is its first serial port', () => {
    const pair = complete({ devices: "<console type='pty'/>" }).devices;
    expect(pair).toMatchObject([{ kind: 'console', target: 'serial', port: 0 }, { kind: 'serial', port: 0 }, {}, {}]);
    const serial = complete({
      devices: "<serial type='file'><source path='/l'/></serial><serial type='pty'/>",
    }).devices;
    expect(serial).toMatchObject([
      { kind: 'serial', port: 0 },
      { kind: 'serial', port: 1 },
      { kind: 'console', target: 'serial', source: { type: 'file' } },
      {},
      {},
    ]);
  });

  it.each([PV_OS, PVH_OS])('a PV or PVH guest always has a console', (os) => {
    expect(complete({ os }).devices[0]).toMatchObject({ kind: 'console', target: 'xen', source: { type: 'pty' } });
    expect(
      complete({ os, devices: "<console type='vc'/>" }).devices.filter(({ kind }) => kind === 'console'),
    ).toHaveLength(1);
  });

  it('L22: every guest has a balloon and a xenbus', () => {
    for (const os of [undefined, PV_OS, PVH_OS]) {
      const kinds = complete(os === undefined ? {} : { os }).devices;
      expect(kinds).toContainEqual(expect.objectContaining({ kind: 'memballoon', model: 'xen' }));
      expect(kinds).toContainEqual(expect.objectContaining({ kind: 'controller', type: 'xenbus', index: 0 }));
    }
  });

  it('a screen brings its card, mouse and keyboard', () => {
    const hvm = complete({ devices: "<graphics type='vnc'/>" }).devices;
    expect(hvm).toContainEqual(expect.objectContaining({ kind: 'video', model: 'cirrus', vramKiB: 8192 }));
    expect(hvm).toContainEqual(expect.objectContaining({ kind: 'input', type: 'keyboard', bus: 'ps2' }));
    const pv = complete({ os: PV_OS, devices: "<graphics type='vnc'/>" }).devices;
    expect(pv).toContainEqual(expect.objectContaining({ kind: 'input', type: 'mouse', bus: 'xen' }));
    expect(pv).toContainEqual(expect.objectContaining({ kind: 'video', model: 'xen' }));
  });

  it('S21: a USB controller is qusb2 with 8 ports at the first free index', () => {
    const devices = complete({
      devices: "<controller type='usb' index='1'/><controller type='usb'/><controller type='usb'/>",
    }).devices;
    expect(devices.slice(0, 3)).toMatchObject([{ index: 1, model: 'qusb2', ports: 8 }, { index: 0 }, { index: 2 }]);
  });

  it('of boot, life cycle and features', () => {
    expect(complete({})).toMatchObject({
      os: { machine: 'xenfv', boot: ['hd'] },
      features: { pae: true },
      lifecycle: { onPoweroff: 'destroy', onReboot: 'restart', onCrash: 'destroy' },
    });
    expect(complete({ os: '<os><type>linux</type></os>' }).os.bootloader).toBe('pygrub');
    expect(complete({ os: PV_OS })).toMatchObject({
      os: { bootloader: undefined, boot: [] },
      features: { pae: false },
    });
  });

  it.each([
    ['rich', RICH_HVM],
    ['bare', guest({})],
    ['pv with a screen', guest({ os: PV_OS, devices: "<graphics type='vnc'/><interface type='ethernet'/>" })],
  ])('set twice are as set once: %s', (_what, text) => {
    const once = applyDefaults(readDefinition(parseDomainXml(text)).definition, context);
    expect(applyDefaults(once, { randomOctets: () => [9, 9, 9] })).toEqual(once);
    const kept = readDefinition(parseDomainXml(formatDomainXml(toDomain(once)))).definition;
    expect(formatDomainXml(toDomain(applyDefaults(kept, context)))).toBe(formatDomainXml(toDomain(once)));
  });

  it.each([
    ['hvm', undefined, 'start', 'vif_ioemu'],
    ['hvm', undefined, 'attach', 'vif'],
    ['hvm', 'netfront', 'start', 'vif'],
    ['hvm', 'netfront', 'attach', 'vif'],
    ['hvm', 'e1000', 'start', 'vif_ioemu'],
    ['hvm', 'e1000', 'attach', 'vif_ioemu'],
    ['pv', undefined, 'start', 'vif'],
    ['pv', undefined, 'attach', 'vif'],
    ['pv', 'netfront', 'start', 'vif'],
    ['pv', 'netfront', 'attach', 'vif'],
    ['pvh', undefined, 'start', 'vif'],
  ] as const)('S42: %s with model %s at %s is %s', (type, model, when, expected) => {
    expect(nicType(type, model, when)).toBe(expected);
  });
});

describe('defining a domain', () => {
  it('gives a domain in which the defaults are written', () => {
    const { domain, warnings } = defineDomain(
      guest({ devices: "<disk><source file='/d'/><target dev='xvda'/></disk>" }).replace(/<uuid>.*<\/uuid>/, ''),
      { ...context, makeUuid: () => '11111111-2222-4333-8444-555555555555' },
    );
    expect(domain.uuid).toBe('11111111-2222-4333-8444-555555555555');
    expect(warnings).toEqual([]);
    expect(formatDomainXml(domain)).toContain("<driver type='raw'/>");
    expect(formatDomainXml(domain)).toContain("<memballoon model='xen'/>");
  });

  it('tells all problems at once', () => {
    const text = guest({
      more: "<clock offset='absolute' start='1'/>",
      devices: "<filesystem type='mount'/><disk><target dev='vda'/></disk>",
    });
    expect(() => defineDomain(text, context)).toThrow(/clock.*filesystem\[1\].*disk\[1\]\/source.*"vda"/);
    expect(() => defineDomain(text, context)).toThrow(
      expect.objectContaining({
        code: 'E_USAGE_DOMAIN_INVALID',
        hint: expect.stringContaining('xvda') as string,
      }) as Error,
    );
  });
});
