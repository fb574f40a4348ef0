import { expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { defineDomain } from '../../../../src/domain/definition/define.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { nativeFormat } from '../../../../src/domain/xl-config/formats.js';
import { UsageError } from '../../../../src/errors/errors.js';
import { guest, PV_OS } from '../definition/guests.js';

const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };

const define = (parts: Parameters<typeof guest>[0]): Definition => defineDomain(guest(parts), context).definition;

/** libxl's configuration of a definition, and the definition that is read back from it. */
function thereAndBack(parts: Parameters<typeof guest>[0]): { json: unknown; back: Definition } {
  const json = toLibxlConfig(define(parts));
  return { json, back: fromLibxlConfig(json).definition };
}

it('L06: vcpus are pinned at the start, and libxl then places nothing itself; shares are the weight', () => {
  const { json, back } = thereAndBack({
    vcpu: '<vcpu>2</vcpu>',
    more: "<cputune><shares>512</shares><vcpupin vcpu='0' cpuset='0-1'/><vcpupin vcpu='1' cpuset='3'/></cputune>",
  });
  expect(json).toMatchObject({
    b_info: {
      vcpu_hard_affinity: [CpuSet.of([0, 1]), CpuSet.of([3])],
      numa_placement: 'False',
      sched_params: { weight: 512 },
    },
  });
  expect(back.cpuShares).toBe(512);
});

it('L07: the limits of the xenbus controller', () => {
  const { json, back } = thereAndBack({
    devices: "<controller type='xenbus' index='0' maxGrantFrames='64' maxEventChannels='2047'/>",
  });
  expect(json).toMatchObject({ b_info: { max_grant_frames: 64, event_channels: 2047 } });
  expect(back.devices).toContainEqual(
    expect.objectContaining({ kind: 'controller', maxGrantFrames: 64, maxEventChannels: 2047 }),
  );
});

it('L08: the host memory map of a PV guest, and what an IOMMU shares', () => {
  const { json } = thereAndBack({
    os: PV_OS,
    more: "<features><xen><e820_host state='on'/><passthrough state='on' mode='share_pt'/></xen></features>",
  });
  expect(json).toMatchObject({ c_info: { passthrough: 'share_pt' }, b_info: { 'type.pv': { e820_host: 'True' } } });
});

it('L14: firmware by name and by path', () => {
  expect(thereAndBack({ os: "<os firmware='efi'><type>hvm</type></os>" }).json).toMatchObject({
    b_info: { 'type.hvm': { bios: 'ovmf' } },
  });
  expect(
    thereAndBack({ os: "<os><type>hvm</type><loader type='pflash' readonly='yes'>/fw/ovmf.fd</loader></os>" }).json,
  ).toMatchObject({ b_info: { 'type.hvm': { bios: 'ovmf', system_firmware: '/fw/ovmf.fd' } } });
});

it('L15: arguments of the device model, in their order', () => {
  const xml = guest({ os: '<os><type>hvm</type></os>' })
    .replace('<domain ', "<domain xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0' ")
    .replace(
      '</domain>',
      "<xen:commandline><xen:arg value='-device'/><xen:arg value='nvme,serial=1'/></xen:commandline></domain>",
    );
  const json = toLibxlConfig(defineDomain(xml, context).definition);
  expect(json).toMatchObject({ b_info: { extra: ['-device', 'nvme,serial=1'] } });
  expect(fromLibxlConfig(json).definition.deviceModelArgs).toEqual(['-device', 'nvme,serial=1']);
});

it('L16: a PCI device whose configuration space the guest may write', () => {
  const { json, back } = thereAndBack({
    devices:
      "<hostdev mode='subsystem' type='pci' managed='yes'><source writeFiltering='no'><address domain='0' bus='5' slot='0' function='1'/></source></hostdev>",
  });
  expect(json).toMatchObject({ pcidevs: [{ bus: 5, dev: 0, func: 1, permissive: true }] });
  expect(back.devices).toContainEqual(expect.objectContaining({ kind: 'hostdev', writeFiltering: false }));
});

it('L17: VLAN tag and trunks of an Open vSwitch bridge', () => {
  const card = (vlan: string): unknown =>
    thereAndBack({
      devices: `<interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/>${vlan}</interface>`,
    }).json;
  expect(card("<vlan><tag id='7'/></vlan>")).toMatchObject({ nics: [{ bridge: 'ovs0.7' }] });
  expect(card("<vlan trunk='yes'><tag id='42'/><tag id='43'/></vlan>")).toMatchObject({
    nics: [{ bridge: 'ovs0:42:43' }],
  });
});

it('L21: sexpr is refused', () => {
  expect(() => nativeFormat('xen-sxpr')).toThrow(UsageError);
});

it('L23: a SLIC table, a qxl card, and several addresses of one network card', () => {
  const { json } = thereAndBack({
    os: "<os><type>hvm</type><loader type='rom'>/hvmloader</loader><acpi><table type='slic'>/fw/slic.bin</table></acpi></os>",
    devices: `<interface type='bridge'><source bridge='b'/><ip address='192.0.2.1'/><ip address='2001:db8::1'/></interface>
      <video><model type='qxl'/></video>`,
  });
  expect(json).toMatchObject({
    b_info: { 'type.hvm': { acpi_firmware: '/fw/slic.bin', vga: { kind: 'qxl' } } },
    nics: [{ ip: '192.0.2.1 2001:db8::1' }],
  });
});
