import { describe, expect, it } from 'vitest';
import { domainMessages } from '../../../../src/domain/definition/messages.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';

const domain = (devices: string, more = ''): string[] =>
  domainMessages(
    parseDomainXml(
      `<domain type='xen'><name>web1</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
       <os><type arch='x86_64' machine='xenfv'>hvm</type></os><devices>${devices}</devices>${more}</domain>`,
    ),
  );
const disk = (device: string, type: string, source: string, driver = 'qemu'): string =>
  `<disk type='${type}' device='${device}'><driver name='${driver}' type='raw'/>${source}<target dev='hdc' bus='ide'/></disk>`;

describe('L11: messages of a domain', () => {
  it('are none where nothing is unusual', () => {
    expect(domain(disk('cdrom', 'block', '') + disk('disk', 'block', "<source dev='/dev/vg/a'/>"))).toEqual([]);
    expect(
      domain("<interface type='bridge'><source bridge='b'/><script path='/etc/xen/scripts/vif-bridge'/></interface>"),
    ).toEqual([]);
  });

  it.each([
    [
      'custom configuration parameters specified',
      '',
      "<xen:commandline xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'><xen:arg value='-d'/></xen:commandline>",
    ],
    ['use of host cdrom passthrough', disk('cdrom', 'block', "<source dev='/dev/sr0'/>"), ''],
    [
      'network configuration using opaque shell scripts',
      "<interface type='ethernet'><script path='/usr/local/bin/my-vif'/></interface>".repeat(2),
      '',
    ],
  ])('name a taint once: %s', (taint, devices, more) => {
    expect(domain(devices, more)).toEqual([`tainted: ${taint}`]);
  });

  it('name what is deprecated', () => {
    const emulator = '<emulator>/usr/lib/xen/bin/qemu-dm</emulator>';
    expect(domain(emulator + disk('disk', 'file', "<source file='/a'/>", 'tap2'))).toEqual([
      expect.stringMatching(/^deprecated configuration: emulator \/usr\/lib\/xen\/bin\/qemu-dm is the traditional/),
      expect.stringMatching(/^deprecated configuration: disk hdc has driver tap2/),
    ]);
  });
});
