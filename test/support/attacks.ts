import { randomUUID } from 'node:crypto';
import type { Prepare } from '../../src/control/messages.js';
import { toDomain } from '../../src/domain/definition/write.js';
import { formatDomainXml } from '../../src/domain/format.js';
import { fromLibxlConfig } from '../../src/domain/libxl-json/from-libxl.js';
import { guestXml } from './hosts.js';
import { prepareOf } from './raw-peer.js';

/* What a host that may send guests would send to become root at the destination, or to wear it out. */

const NAME = 'evil';
/** Large enough to be a guest, small enough that memory is no reason to refuse it. */
const MIB = 16;

const XL = "xmlns:xl='urn:xenferry:xl:1'";
const ESC = '\u001b';
/** Clears a screen, sets a title, begins a line that looks like the server's own, and turns what follows around. */
export const ACTING_TEXT = `x${ESC}[2J${ESC}]0;owned\u0007\n2026-01-01T00:00:00Z SIGHUP: certificates read again\u202e\u0085`;

/** A guest with something in its devices, beside them, or in its boot. */
export function guestWith(parts: { devices?: string; beside?: string; os?: string; metadata?: string }): Prepare {
  const uuid = randomUUID();
  const devices = `<devices>${parts.devices ?? ''}</devices>`;
  const xml = guestXml({ name: NAME, uuid, mib: MIB })
    .replace('</os>', `${parts.os ?? ''}</os>${parts.beside ?? ''}${devices}`)
    .replace('<metadata>', `<metadata>${parts.metadata ?? ''}`);
  return prepareOf({ name: NAME, uuid }, xml);
}

const disk = (path: string, inside = '', type = 'file'): string =>
  `<disk type='${type}'><source ${type === 'file' ? 'file' : 'dev'}='${path}'/><target dev='xvda' bus='xen'/>${inside}</disk>`;
const card = (inside: string): string =>
  `<interface type='bridge'><mac address='00:16:3e:01:02:03'/><source bridge='xenbr0'/>${inside}</interface>`;
const setting = (key: string, value: string): string =>
  `<xl:settings ${XL}><xl:setting key='${key}' value='${value}'/></xl:settings>`;

type NativeChange = (config: NativeConfig) => void;
interface NativeConfig {
  readonly c_info: Record<string, unknown>;
  readonly b_info: Record<string, unknown>;
  disks: Record<string, unknown>[];
  [list: string]: unknown;
}

/** A guest whose toolstack's own configuration says something else than its XML. */
export function guestWithNative(change: NativeChange): Prepare {
  const uuid = randomUUID();
  const honest = (): NativeConfig => ({
    c_info: { type: 'hvm', name: NAME, uuid },
    b_info: { max_vcpus: 1, max_memkb: MIB * 1024, target_memkb: MIB * 1024, 'type.hvm': {} },
    disks: [{ pdev_path: '/srv/evil.img', vdev: 'xvda', format: 'raw', readwrite: 1 }],
  });
  const xml = formatDomainXml(toDomain(fromLibxlConfig(honest()).definition));
  const sent = honest();
  change(sent);
  return prepareOf({ name: NAME, uuid }, xml, { native: { format: 'libxl-json', text: JSON.stringify(sent) } });
}

const hvm = (fields: Record<string, unknown>): NativeChange => {
  return ({ b_info: built }) => Object.assign(built['type.hvm'] as object, fields);
};
const list = (name: string, ...members: object[]): NativeChange => {
  return (config) => void (config[name] = members);
};

const DIFFERS = /^E_REFUSED_NATIVE_(?:DIFFERS|FIELDS)$/;
const FIELDS = /^E_REFUSED_NATIVE_FIELDS$/;
const PATH = /^E_REFUSED_GUEST_PATH$/;
const MAY = /^E_REFUSED_PEER_MAY$/;
const DEFINITION = /^E_[A-Z_]+$/;

export type Attack = readonly [title: string, code: RegExp, make: () => Prepare];

/** A configuration for the toolstack that is not the guest of the XML. */
export const NATIVE_ATTACKS: readonly Attack[] = [
  ['512 GiB where the XML has 16 MiB', DIFFERS, () => guestWithNative(({ b_info: b }) => void (b.max_memkb = 2 ** 29))],
  ['another disk', DIFFERS, () => guestWithNative(({ disks }) => Object.assign(disks[0], { pdev_path: '/dev/sda' }))],
  ['one disk more', DIFFERS, () => guestWithNative(({ disks }) => disks.push({ ...disks[0], vdev: 'xvdb' }))],
  ['a device model', DIFFERS, () => guestWithNative(({ b_info: b }) => void (b.device_model = '/bin/sh'))],
  ['arguments for it', DIFFERS, () => guestWithNative(({ b_info: b }) => void (b.extra = ['-chardev', 'file']))],
  ['a serial port', DIFFERS, () => guestWithNative(hvm({ serial: 'file:/etc/cron.d/owned' }))],
  ['a script of a disk', DIFFERS, () => guestWithNative(({ disks }) => Object.assign(disks[0], { script: '/tmp/x' }))],
  ['a card with a script', DIFFERS, () => guestWithNative(list('nics', { devid: 0, script: '/tmp/x' }))],
  ['a PCI device', DIFFERS, () => guestWithNative(list('pcidevs', { bus: 3, dev: 2, func: 1 }))],
  ['a screen for all', DIFFERS, () => guestWithNative(hvm({ vnc: { enable: 'True', listen: '0.0.0.0' } }))],
  ['another guest’s type', DIFFERS, () => guestWithNative(({ c_info: c }) => void (c.type = 'pv'))],
  ['fields of no Xen', FIELDS, () => guestWithNative(({ b_info: b }) => void (b.__proto = { x: 1 }))],
  ['folders of the host', MAY, () => guestWithNative(list('p9s', { tag: 'x', path: '/', security_model: 'none' }))],
  ['I/O memory', MAY, () => guestWithNative(({ b_info: b }) => void (b.iomem = [{ start: 0, number: 16 }]))],
  ['a label of another', MAY, () => guestWithNative(({ c_info: c }) => void (c.ssid_label = 'system_u:dom0'))],
  ['no JSON', DEFINITION, () => textAsNative('{"c_info":')],
  ['a text', DEFINITION, () => textAsNative('"x"')],
  ['100 000 brackets', DEFINITION, () => textAsNative('['.repeat(100_000))],
];

/** Text that says it is libxl's JSON, up to 2 MiB. */
export function textAsNative(text: string): Prepare {
  return { ...guestWithNative(() => undefined), native: { format: 'libxl-json', text } };
}

/** What programs of the host would open, run, hand out or listen at. */
export const REACHING_ATTACKS: readonly Attack[] = [
  ['/etc/shadow as a disk', PATH, () => guestWith({ devices: disk('/etc/shadow') })],
  ['the disk of the host', PATH, () => guestWith({ devices: disk('/dev/sda', '', 'block') })],
  ['a path that leaves the folder again', PATH, () => guestWith({ devices: disk('/srv/../etc/shadow') })],
  ['it all the same with unsafe', PATH, () => ({ ...guestWith({ devices: disk('/etc/shadow') }), unsafe: true })],
  ['a backend that is this host by name', PATH, () => withBackend('Domain-0')],
  ['a backend that is this host by number', PATH, () => withBackend('0')],
  ['a backend of its choice', MAY, () => withBackend('storage')],
  ['a device model', MAY, () => guestWith({ devices: '<emulator>/tmp/x</emulator>' })],
  [
    'arguments for it',
    MAY,
    () =>
      guestWith({
        beside: `<xen:commandline xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'><xen:arg value='-s'/></xen:commandline>`,
      }),
  ],
  ['a boot loader', MAY, () => guestWith({ beside: '<bootloader>/tmp/x</bootloader>' })],
  ['a script of a card', MAY, () => guestWith({ devices: card("<script path='/tmp/x'/>") })],
  [
    'a script above the folder of scripts',
    MAY,
    () => guestWith({ devices: card("<script path='/etc/xen/scripts/../../../tmp/x'/>") }),
  ],
  [
    'a script of a disk',
    MAY,
    () => guestWith({ devices: disk('/srv/evil.img', `<xl:options ${XL} script='/tmp/x'/>`) }),
  ],
  ['a device of the network', MAY, () => guestWith({ devices: card(`<xl:options ${XL} gatewaydev='eth0'/>`) })],
  ['a graphics card', MAY, () => hvmWith(setting('gfx_passthru', '1'))],
  [
    'arguments in Spice’s settings',
    MAY,
    () => hvmWith(setting('spice_image_compression', 'off,addr=0.0.0.0,disable-ticketing=on')),
  ],
  [
    'a file of a serial port',
    PATH,
    () => guestWith({ devices: "<serial type='file'><source path='/etc/cron.d/owned'/></serial>" }),
  ],
  [
    'a socket',
    PATH,
    () =>
      guestWith({
        devices: "<channel type='unix'><source mode='bind' path='/run/x'/><target type='xen' name='a'/></channel>",
      }),
  ],
  [
    'a PCI device',
    MAY,
    () =>
      guestWith({
        devices:
          "<hostdev mode='subsystem' type='pci'><source><address bus='3' slot='2' function='1'/></source></hostdev>",
      }),
  ],
  ['a screen for all', MAY, () => guestWith({ devices: "<graphics type='vnc' port='-1' listen='0.0.0.0'/>" })],
  ['a kernel', PATH, () => withKernel('/etc/shadow')],
  ['a ramdisk', PATH, () => guestWith({ os: '<initrd>/etc/shadow</initrd>' })],
];

function withBackend(name: string): Prepare {
  return guestWith({ devices: disk('/etc/shadow', `<backenddomain name='${name}'/>`) });
}

function withKernel(path: string): Prepare {
  const request = guestWith({});
  return { ...request, xml: request.xml.replace('/boot/vmlinuz', path) };
}

function hvmWith(metadata: string): Prepare {
  const request = guestWith({ metadata });
  return {
    ...request,
    xml: request.xml.replace(/<os>.*<\/os>/s, "<os><type arch='x86_64' machine='xenfv'>hvm</type></os>"),
  };
}

/** Fewer than a document may have elements. */
const PINS = 19_000;
const ALL_CPUS = '0-4095';

/** What grows in memory or takes time, from a text of less than 2 MiB. */
export const GROWING_ATTACKS: readonly Attack[] = [
  [
    '19 000 pins of 4096 processors',
    DEFINITION,
    () =>
      guestWith({
        beside: `<cputune>${`<vcpupin vcpu='0' cpuset='${ALL_CPUS}'/>`.repeat(PINS)}</cputune>`,
      }),
  ],
  [
    'a definition with as many',
    DEFINITION,
    () => {
      const request = guestWith({});
      const tune = `<cputune>${`<vcpupin vcpu='0' cpuset='${ALL_CPUS}'/>`.repeat(PINS)}</cputune>`;
      return { ...request, persist: { xml: request.xml.replace('</os>', `</os>${tune}`) } };
    },
  ],
  [
    '10 000 sets of processors in the settings',
    DEFINITION,
    () =>
      guestWith({
        metadata: `<xl:settings ${XL}><xl:setting key='cpus_soft'>${`<xl:item>${ALL_CPUS}</xl:item>`.repeat(10_000)}</xl:setting></xl:settings>`,
      }),
  ],
  // As JSON within JSON it is twice as long, which a message may be.
  ['a token of 1.3 MiB without an end', DEFINITION, () => textAsNative(`"${String.raw`\"`.repeat(680_000)}`)],
  ['1 MiB of digits', DEFINITION, () => textAsNative('1'.repeat(1024 * 1024))],
  ['400 000 numbers', DEFINITION, () => textAsNative(`[${'1,'.repeat(400_000)}1]`)],
  ['XML 10 000 deep', DEFINITION, () => guestWith({ devices: '<a>'.repeat(10_000) + '</a>'.repeat(10_000) })],
  ['XML with 100 000 elements', DEFINITION, () => guestWith({ devices: '<a/>'.repeat(100_000) })],
  ['XML with entities', DEFINITION, () => withDoctype()],
];

function withDoctype(): Prepare {
  const request = guestWith({});
  return { ...request, xml: `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(1000)}">]>${request.xml}` };
}
