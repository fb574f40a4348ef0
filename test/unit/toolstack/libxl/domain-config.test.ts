import { describe, expect, it } from 'vitest';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { formatConfig, maxMemoryOf, readConfig } from '../../../../src/toolstack/libxl/domain-config.js';

const UUID = '23823623-66f2-4cde-b1a4-681d420c7df5';

// As libxl 4.17 tells of a guest that xl made.
const NATIVE = `{
    "c_info": {
        "type": "pvh", "name": "web", "domid": 4294967295, "uuid": "${UUID}", "run_hotplug_scripts": "True"
    },
    "b_info": {
        "max_vcpus": 2, "avail_vcpus": [ 0 ], "max_memkb": 131072, "target_memkb": 65536, "video_memkb": 0,
        "sched_params": { "sched": "credit2", "weight": 256, "cap": 0 },
        "iomem": [ { "start": 1, "number": 1, "gfn": 18446744073709551615 } ],
        "kernel": "/root/guests/vmlinuz", "cmdline": "console=hvc0 quiet", "ramdisk": "/root/guests/initramfs",
        "type.pvh": { }
    },
    "disks": [ { "pdev_path": "/dev/vg/web", "vdev": "xvda", "backend": "phy", "format": "raw", "readwrite": 1 },
               { "pdev_path": "/iso/x.iso", "vdev": "hdc", "format": "raw", "is_cdrom": 1 } ],
    "nics": [ { "devid": 0, "mac": "00:16:3e:01:02:03", "bridge": "xenbr0" } ],
    "on_reboot": "restart"
}`;

describe('libxl configuration', () => {
  it('is read as a domain', () => {
    const { domain, native } = readConfig(NATIVE);
    expect(domain).toMatchObject({
      name: 'web',
      uuid: UUID,
      type: 'pvh',
      memoryMaxKiB: 131072,
      memoryCurrentKiB: 65536,
      vcpusMax: 2,
      vcpusCurrent: 1,
    });
    expect(native?.text).toBe(NATIVE);
    const xml = formatDomainXml(domain);
    expect(xml).toContain('<kernel>/root/guests/vmlinuz</kernel>');
    expect(xml).toMatch(/<source dev=['"]\/dev\/vg\/web['"]\/>/);
    expect(xml).toMatch(/<source bridge=['"]xenbr0['"]\/>/);
    expect(parseDomainXml(xml)).toMatchObject({ name: 'web', uuid: UUID, type: 'pvh', memoryMaxKiB: 131072 });
  });

  it('goes back to libxl whole, with the name and UUID the domain shall have, and no number', () => {
    const guest = readConfig(NATIVE);
    const text = formatConfig({ ...guest, domain: { ...guest.domain, name: 'web2', uuid: UUID.replace('2', '3') } });
    expect(text).toContain('"gfn":18446744073709551615');
    const { c_info: made, ...rest } = JSON.parse(text) as { c_info: Record<string, unknown> };
    expect(made).toEqual({ type: 'pvh', name: 'web2', uuid: UUID.replace('2', '3'), run_hotplug_scripts: 'True' });
    const { c_info: _, ...before } = JSON.parse(NATIVE) as { c_info: unknown };
    expect(rest).toEqual(before);
  });

  it.each([
    ['no JSON', '{', 'not JSON'],
    ['no name', '{"c_info":{"type":"pvh","uuid":"x"},"b_info":{"max_memkb":1}}', 'c_info'],
    ['another type', NATIVE.replace('"pvh"', '"arm"'), 'c_info.type'],
    ['no memory', NATIVE.replace('"max_memkb": 131072,', ''), 'b_info.max_memkb'],
  ])('is refused with %s', (_, text, where) => {
    expect(() => readConfig(text)).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_LIBXL_JSON', message: expect.stringContaining(where) as unknown }),
    );
  });

  it('S39: takes no name that no domain may have', () => {
    const guest = readConfig(NATIVE);
    expect(() => formatConfig({ ...guest, domain: { ...guest.domain, name: 'a\nb' } })).toThrow(/new line/);
  });

  it('S48: says what the guest can ever have', () => {
    expect(maxMemoryOf(NATIVE)).toBe(131072);
    expect(maxMemoryOf('{"c_info":{}}')).toBeUndefined();
    expect(maxMemoryOf('{')).toBeUndefined();
  });
});

describe('libxl configuration made from a definition', () => {
  const xml = (body: string): string => `<domain type='xen'><name>web</name><uuid>${UUID}</uuid>
    <memory unit='MiB'>128</memory><currentMemory unit='MiB'>96</currentMemory><vcpu current='1'>2</vcpu>
    <os><type>xenpvh</type><kernel>/k</kernel><initrd>/i</initrd><cmdline>console=hvc0</cmdline></os>
    ${body}</domain>`;
  const made = (body: string): unknown => JSON.parse(formatConfig({ domain: parseDomainXml(xml(body)) }));

  it('has what the definition has', () => {
    expect(
      made(`<on_reboot>rename-restart</on_reboot><on_crash>coredump-destroy</on_crash><devices>
        <disk type='block' device='disk'><driver name='phy' type='raw'/><source dev='/dev/x'/><target dev='xvda'/></disk>
        <disk type='file' device='cdrom'><target dev='hdc'/><readonly/></disk>
        <interface type='bridge'><mac address='00:16:3e:01:02:03'/><source bridge='xenbr0'/></interface>
        <console type='pty'/></devices>`),
    ).toEqual({
      c_info: { type: 'pvh', name: 'web', uuid: UUID },
      b_info: {
        max_vcpus: 2,
        avail_vcpus: [0],
        max_memkb: 131072,
        target_memkb: 98304,
        kernel: '/k',
        ramdisk: '/i',
        cmdline: 'console=hvc0',
        'type.pvh': {},
      },
      disks: [
        { pdev_path: '/dev/x', vdev: 'xvda', format: 'raw', backend: 'phy', readwrite: 1, is_cdrom: 0, removable: 1 },
        { vdev: 'hdc', format: 'empty', readwrite: 0, is_cdrom: 1, removable: 1 },
      ],
      nics: [{ devid: 0, bridge: 'xenbr0', nictype: 'vif', mac: '00:16:3e:01:02:03' }],
      on_poweroff: 'destroy',
      on_reboot: 'restart_rename',
      on_crash: 'coredump_destroy',
    });
  });

  it.each([
    ['<hostdev>', '<devices><hostdev/></devices>'],
    [
      "the virtual network 'default'",
      "<devices><interface type='network'><source network='default'/></interface></devices>",
    ],
    ['<disk>', "<devices><disk type='network'><target dev='xvda'/></disk></devices>"],
    ['<disk> xvda without a source', "<devices><disk type='block'><target dev='xvda'/></disk></devices>"],
  ])('is refused rather than made without %s', (what, body) => {
    expect(() => made(body)).toThrow(expect.objectContaining({ code: 'E_REFUSED_NOT_MAPPED', data: { what } }));
  });

  it('is made without an element that was passed over when the domain was defined', () => {
    expect(made('<memoryBacking/>')).toEqual(made(''));
  });
});
