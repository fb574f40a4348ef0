import { parseCpuSet } from '../cpu-set.js';
import { given, type Json, type JsonObject } from '../libxl-json/json.js';
import { numberOf, oneOf, pairsOf, type Placed, type Settings } from './settings.js';
import { badConfig } from './syntax.js';

/* PCI and USB devices, channels, framebuffers and NUMA nodes of a file, as libxl has them. */

const BDF = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/i;

/** xl-pci-configuration(5): `[DDDD:]BB:DD.F[,key=value…]`; a slot in the guest libxl chooses. */
export function parsePciText(spec: Placed): JsonObject {
  const [first, ...options] = spec.text.split(',');
  const bdf = first.trim().replace(/^bdf=/, '');
  const match = BDF.exec(bdf);
  if (match === null) throw badConfig(spec.at, `pci: ${JSON.stringify(bdf)} is not like 0000:05:00.1`);
  const fields: Record<string, Json | undefined> = {
    domain: Number.parseInt(match.at(1) ?? '0', 16),
    bus: Number.parseInt(match[2], 16),
    dev: Number.parseInt(match[3], 16),
    func: Number.parseInt(match[4], 16),
  };
  for (const [key, value] of pairsOf({ text: options.join(','), at: spec.at })) {
    if (key !== 'permissive' && key !== 'seize')
      throw badConfig(spec.at, `pci: ${key} is not carried over by xenferry`);
    fields[key] = numberOf(value, `pci: ${key}`, 0, 1) === 1 ? true : undefined;
  }
  return given(fields);
}

/** A key of a device that domain XML has no form for. */
function unknown(spec: Placed, what: string, key: string): never {
  throw badConfig(spec.at, `${what}: ${key} is not carried over by xenferry`);
}

/** Numbers are decimal, as xl reads them. */
export function parseUsbControllerText(spec: Placed, devid: number): JsonObject {
  const fields: Record<string, Json> = { devid };
  for (const [key, value] of pairsOf(spec)) {
    if (key === 'type') fields.type = oneOf(value, 'usbctrl: type', ['auto', 'pv', 'qusb', 'devicemodel']);
    else if (key === 'version') fields.version = numberOf(value, 'usbctrl: version', 1, 3);
    else if (key === 'ports') fields.ports = numberOf(value, 'usbctrl: ports', 1, 31);
    else unknown(spec, 'usbctrl', key);
  }
  return fields;
}

export function parseUsbDeviceText(spec: Placed): JsonObject {
  const pairs = pairsOf(spec);
  const host: Record<string, Json | undefined> = {};
  const fields: Record<string, Json> = {};
  for (const [key, value] of pairs) {
    if (key === 'type') oneOf(value, 'usbdev: type', ['hostdev']);
    else if (key === 'hostbus') host.hostbus = numberOf(value, 'usbdev: hostbus', 1, 255);
    else if (key === 'hostaddr') host.hostaddr = numberOf(value, 'usbdev: hostaddr', 1, 127);
    else if (key === 'controller') fields.ctrl = numberOf(value, 'usbdev: controller', 0, 255);
    else if (key === 'port') fields.port = numberOf(value, 'usbdev: port', 1, 31);
    else unknown(spec, 'usbdev', key);
  }
  if (host.hostbus === undefined || host.hostaddr === undefined) {
    throw badConfig(spec.at, 'usbdev: hostbus and hostaddr must be given');
  }
  return { ...fields, 'type.hostdev': given(host) };
}

export function parseChannelText(spec: Placed, devid: number): JsonObject {
  let [name, path, isSocket]: [string | undefined, string | undefined, boolean] = [undefined, undefined, false];
  for (const [key, value] of pairsOf(spec)) {
    if (key === 'name') name = value.text;
    else if (key === 'path') path = value.text;
    else if (key === 'connection') {
      isSocket = oneOf(value, 'channel: connection', ['pty', 'socket']) === 'socket';
    } else unknown(spec, 'channel', key);
  }
  if (name === undefined || name === '') throw badConfig(spec.at, 'channel: the name is missing');
  return { devid, name, ...(isSocket ? { 'connection.socket': given({ path }) } : { 'connection.pty': {} }) };
}

const FLAG = ['0', '1'] as const;
const defbool = (value: Placed, name: string): string => (oneOf(value, name, FLAG) === '1' ? 'True' : 'False');

/** `vnc=1,vnclisten=…`: VNC is on unless it says no. */
export function parseVfbText(spec: Placed, devid: number): JsonObject {
  const vnc: Record<string, Json> = { enable: 'True' };
  const sdl: Record<string, Json> = { enable: 'False' };
  let keymap: string | undefined;
  for (const [key, value] of pairsOf(spec)) {
    switch (key) {
      case 'vnc':
        vnc.enable = defbool(value, 'vfb: vnc');
        break;
      case 'vnclisten':
        vnc.listen = value.text;
        break;
      case 'vncpasswd':
        vnc.passwd = value.text;
        break;
      case 'vncdisplay':
        vnc.display = numberOf(value, 'vfb: vncdisplay', 0, 59_635);
        break;
      case 'vncunused':
        vnc.findunused = defbool(value, 'vfb: vncunused');
        break;
      case 'keymap':
        keymap = value.text;
        break;
      case 'sdl':
        sdl.enable = defbool(value, 'vfb: sdl');
        break;
      case 'display':
      case 'xauthority':
        sdl[key] = value.text;
        break;
      // xm's word for which of the two it is.
      case 'type':
        if (oneOf(value, 'vfb: type', ['vnc', 'sdl']) === 'sdl') [vnc.enable, sdl.enable] = ['False', 'True'];
        break;
      default:
        unknown(spec, 'vfb', key);
    }
  }
  return given({ devid, vnc, sdl, keymap });
}

/** `vnuma = [["pnode=0","size=1024","vcpus=0-1","vdistances=10,20"], …]`; sizes in MiB. */
export function parseVnuma(settings: Settings): Json[] {
  return settings.lists('vnuma').map(({ at, items }) => {
    const fields: Record<string, Json | undefined> = {};
    for (const { text, at: place } of items) {
      const [key, value = ''] = text.split('=', 2);
      const spec = { text: value.trim(), at: place };
      switch (key.trim()) {
        case 'pnode':
          fields.pnode = numberOf(spec, 'vnuma: pnode', 0, 1023);
          break;
        case 'size':
          fields.memkb = numberOf(spec, 'vnuma: size', 1, 2 ** 26) * 1024;
          break;
        case 'vcpus': {
          const vcpus = parseCpuSet(spec.text);
          if (vcpus === undefined) throw badConfig(place, `vnuma: ${JSON.stringify(spec.text)} is no set of vcpus`);
          fields.vcpus = vcpus;
          break;
        }
        case 'vdistances':
          fields.distances = spec.text
            .split(',')
            .map((one) => numberOf({ text: one.trim(), at: place }, 'vnuma: vdistances', 10, 254));
          break;
        default:
          throw badConfig(place, `vnuma: ${key} is not known`);
      }
    }
    if (fields.memkb === undefined || fields.vcpus === undefined)
      throw badConfig(at, 'vnuma: size and vcpus must be given');
    return given(fields);
  });
}
