import { describe, expect, it } from 'vitest';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { parseDeviceXml, readDefinition } from '../../../../src/domain/definition/read.js';
import { validateDefinition } from '../../../../src/domain/definition/validate/definition.js';
import { validateDevice } from '../../../../src/domain/definition/validate/device.js';
import { guest, PV_OS, PVH_OS, RICH_HVM } from './guests.js';

const complete = (text: string): Definition =>
  applyDefaults(readDefinition(parseDomainXml(text)).definition, { randomOctets: () => [1, 2, 3] });
type Parts = Parameters<typeof guest>[0];
const problemsOf = (parts: Parts): string[] =>
  validateDefinition(complete(guest(parts))).map(
    ({ code, message }) => `${code.slice('E_USAGE_DOMAIN_'.length)} ${message}`,
  );
const disk = (more: string, type = 'file', device = 'disk'): string =>
  `<disk type='${type}' device='${device}'>${more}</disk>`;
const plain = "<source file='/d'/><target dev='xvda'/>";

describe('S07: a good definition', () => {
  it.each([
    ['that says everything', RICH_HVM],
    ['of HVM', guest({ devices: disk(plain) })],
    ['of PV', guest({ os: PV_OS, devices: disk(plain) + "<graphics type='vnc'/>" })],
    ['of PVH', guest({ os: PVH_OS, devices: disk(plain) })],
    ['with an empty drive', guest({ devices: disk("<target dev='hdc'/>", 'file', 'cdrom') })],
    ['with a partition', guest({ os: PV_OS, devices: disk("<source file='/d'/><target dev='xvda1'/>") })],
  ])('%s has no problem', (_what, text) => {
    expect(validateDefinition(complete(text))).toEqual([]);
  });
});

describe('S07: a problem', () => {
  it.each<[string, Parts, string]>([
    ['time zone', { more: "<clock offset='timezone' timezone='X'/>" }, "UNSUPPORTED /domain/clock/@offset: 'timezone'"],
    [
      'timer',
      { more: "<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/></clock>" },
      "UNSUPPORTED /domain/clock/timer[@name='rtc']",
    ],
    ['hpet off HVM', { os: PV_OS, more: "<clock offset='utc'><timer name='hpet'/></clock>" }, 'only HVM'],
    ['tsc mode', { more: "<clock offset='utc'><timer name='tsc' mode='smpsafe'/></clock>" }, "'smpsafe'"],
    ['Secure Boot', { os: "<os><type>hvm</type><loader secure='yes' type='pflash'>/x</loader></os>" }, 'Secure Boot'],
    ['PVH without kernel', { os: '<os><type>xenpvh</type></os>' }, 'INVALID /domain/os/kernel: a PVH guest needs'],
    ['machine', { os: "<os><type machine='pc'>hvm</type></os>" }, '"pc" is not the machine of a hvm guest'],
    ['boot order off HVM', { os: PV_OS.replace('</os>', "<boot dev='hd'/></os>") }, '/domain/os/boot'],
    ['too many vcpus', { vcpu: '<vcpu>129</vcpu>' }, 'more than the 128'],
    ['pin of nobody', { more: "<cputune><vcpupin vcpu='4' cpuset='0'/></cputune>" }, 'there are vcpus 0 to 3'],
    [
      'pin twice',
      { more: "<cputune><vcpupin vcpu='1' cpuset='0'/><vcpupin vcpu='1' cpuset='2'/></cputune>" },
      'more than once',
    ],
    [
      'topology',
      { more: "<cpu><topology sockets='2' cores='1' threads='1'/></cpu>" },
      'makes 2 processors, <vcpu> says 4',
    ],
    [
      'NUMA memory',
      { more: "<cpu><numa><cell cpus='0-3' memory='1' unit='MiB'/></numa></cpu>" },
      '1024 KiB, <memory> has 262144',
    ],
    ['NUMA vcpus', { more: "<cpu><numa><cell cpus='0-4' memory='262144'/></numa></cpu>" }, 'each of the 4 vcpus once'],
    ['viridian off HVM', { os: PV_OS, more: '<features><viridian/></features>' }, 'features/viridian'],
    ['disk without source', { devices: disk("<target dev='xvda'/>") }, 'disk[1]/source: is missing'],
    ['relative path', { devices: disk("<source file='d.img'/><target dev='xvda'/>") }, 'not an absolute path'],
    ['transient disk', { devices: disk(`${plain}<transient/>`) }, 'UNSUPPORTED /domain/devices/disk[1]/transient'],
    ['lun', { devices: disk(plain, 'file', 'lun') }, "('lun')"],
    ['wrong format', { devices: disk(`<driver name='phy' type='qcow2'/>${plain}`) }, "'phy' does not read 'qcow2'"],
    ['nbd', { devices: disk("<source protocol='nbd' name='x'/><target dev='xvda'/>", 'network') }, "'nbd' is not rbd"],
    [
      'network disk on phy',
      { devices: disk("<driver name='phy'/><source protocol='rbd' name='x'/><target dev='xvda'/>", 'network') },
      "needs 'qemu'",
    ],
    ['volume', { devices: disk("<source pool='p' volume='v'/><target dev='xvda'/>", 'volume') }, 'storage pools'],
    ['virtio disk', { devices: disk("<source file='/d'/><target dev='xvda' bus='virtio'/>") }, 'not a bus of Xen'],
    ['bad target', { devices: disk("<source file='/d'/><target dev='vda'/>") }, '"vda" is not a disk name'],
    ['same target', { devices: disk(plain) + disk(plain) }, 'disk[2]/target/@dev: target xvda already exists'],
    ['floppy off HVM', { os: PV_OS, devices: disk("<target dev='fda'/>", 'file', 'floppy') }, 'no floppy'],
    [
      'S42 model off HVM',
      { os: PV_OS, devices: "<interface type='ethernet'><model type='e1000'/></interface>" },
      "only model 'netfront' is supported for Xen PV domains",
    ],
    [
      'multicast',
      { devices: "<interface type='ethernet'><mac address='01:00:00:00:00:01'/></interface>" },
      'multicast',
    ],
    ['same MAC', { devices: "<interface type='ethernet'/><interface type='ethernet'/>" }, 'interface[2]/mac/@address'],
    [
      'script of a network',
      { devices: "<interface type='network'><source network='n'/><script path='/s'/></interface>" },
      'scripts are for',
    ],
    [
      'tags without a switch',
      { devices: "<interface type='bridge'><source bridge='b'/><vlan><tag id='1'/></vlan></interface>" },
      'Open vSwitch',
    ],
    [
      'long name',
      { devices: "<interface type='ethernet'><target dev='interface-of-the-web'/></interface>" },
      'is not a name of an interface',
    ],
    ['link down', { devices: "<interface type='ethernet'><link state='down'/></interface>" }, 'link down'],
    ['S29 parallel', { devices: "<parallel type='pty'/>" }, 'parallel ports are not supported'],
    ['serial off HVM', { os: PV_OS, devices: "<serial type='pty'/>" }, 'no serial ports'],
    [
      'same serial port',
      { devices: "<serial type='pty'><target port='0'/></serial><serial type='vc'><target port='0'/></serial>" },
      'port 0 occurs more than once',
    ],
    [
      'S34 channel of virtio',
      { devices: "<channel type='pty'><target type='virtio' name='x'/></channel>" },
      "'virtio' is not xen",
    ],
    [
      'S34 channel without name',
      { devices: "<channel type='pty'><target type='xen'/></channel>" },
      'channel target name missing',
    ],
    ['S34 channel with a slash', { devices: "<channel type='pty'><target type='xen' name='a/b'/></channel>" }, 'slash'],
    [
      'S34 channel of a file',
      { devices: "<channel type='file'><source path='/f'/><target type='xen' name='a'/></channel>" },
      "'file' is not possible",
    ],
    [
      'S34 long socket',
      { devices: `<channel type='unix'><source path='/${'x'.repeat(107)}'/><target type='xen' name='a'/></channel>` },
      'longer than 107 bytes',
    ],
    ['low port', { devices: "<graphics type='vnc' port='80'/>" }, '80 is below 5900'],
    [
      'listen on a socket',
      { devices: "<graphics type='vnc'><listen type='socket'/></graphics>" },
      "'socket' is not possible",
    ],
    ['spice off HVM', { os: PV_OS, devices: "<graphics type='spice'/>" }, 'no spice'],
    [
      'little video memory',
      { devices: "<video><model type='qxl' vram='65536'/></video>" },
      '65536 KiB are less than the 131072',
    ],
    ['card off HVM', { os: PV_OS, devices: "<video><model type='cirrus'/></video>" }, "no 'cirrus' card"],
    ['USB keyboard', { devices: "<input type='keyboard' bus='usb'/>" }, 'USB keyboard'],
    ['sound off HVM', { os: PV_OS, devices: "<sound model='ac97'/>" }, 'no sound card'],
    ['S21 controller model', { devices: "<controller type='usb' model='ehci'/>" }, "'ehci' is not possible"],
    ['S21 ports', { devices: "<controller type='usb' ports='32'/>" }, '32 is not from 1 to 31'],
    [
      'S21 index',
      { devices: "<controller type='usb' index='0'/><controller type='usb' index='0'/>" },
      'target usb:0 already exists',
    ],
    [
      'same host device',
      {
        devices: "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>".repeat(
          2,
        ),
      },
      'hostdev[2]/source',
    ],
    ['balloon', { devices: "<memballoon model='virtio'/>" }, "'virtio' is not possible"],
    [
      'file system',
      { devices: "<filesystem type='mount'><source dir='/d'/><target dir='d'/></filesystem>" },
      'a folder of the host does not move',
    ],
    ['rng', { devices: "<rng model='virtio'/>" }, 'random number'],
  ])('is found: %s', (_what, parts, message) => {
    const found = problemsOf(parts);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  it('of a device that is plugged in is found against those that are there', () => {
    const definition = complete(guest({ devices: disk(plain) }));
    const same = parseDeviceXml(disk(plain));
    expect(validateDevice(same, definition)).toMatchObject([
      { path: '/disk/target/@dev', code: 'E_USAGE_DOMAIN_INVALID' },
    ]);
    expect(validateDevice(parseDeviceXml(disk(plain.replace('xvda', 'xvdb'))), definition)).toEqual([]);
    expect(definition.devices.flatMap((device) => validateDevice(device, definition))).toEqual([]);
  });
});
