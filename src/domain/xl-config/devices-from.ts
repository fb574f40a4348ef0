import { given, type Json, type JsonObject } from '../libxl-json/json.js';
import { decimalOf, numberOf, oneOf, pairsOf, type Placed } from './settings.js';
import { badConfig } from './syntax.js';

/* USB devices, channels, framebuffers and NUMA nodes of a file, in libxl's form. */

type Warn = (text: string) => void;

/** Refuses a key that xl refuses as well. */
function unknown(spec: Placed, what: string, key: string): never {
  throw badConfig(spec.at, `${what}: ${key} is not a parameter of xl`);
}

/** libxl_device_usbctrl of a controller's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseUsbControllerText(spec: Placed, devid: number): JsonObject {
  const fields: Record<string, Json> = { devid };
  for (const [key, value] of pairsOf(spec)) {
    if (key === 'type') fields.type = oneOf(value, 'usbctrl: type', ['auto', 'pv', 'qusb', 'devicemodel']);
    else if (key === 'version') fields.version = decimalOf(value, 'usbctrl: version', 1, 3);
    else if (key === 'ports') fields.ports = decimalOf(value, 'usbctrl: ports', 1, 31);
    else unknown(spec, 'usbctrl', key);
  }
  return fields;
}

/** libxl_device_usbdev of a device's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseUsbDeviceText(spec: Placed): JsonObject {
  const pairs = pairsOf(spec);
  const host: Record<string, Json | undefined> = {};
  const fields: Record<string, Json> = {};
  for (const [key, value] of pairs) {
    if (key === 'type') oneOf(value, 'usbdev: type', ['hostdev']);
    else if (key === 'hostbus') host.hostbus = numberOf(value, 'usbdev: hostbus', 1, 255);
    else if (key === 'hostaddr') host.hostaddr = numberOf(value, 'usbdev: hostaddr', 1, 127);
    else if (key === 'controller') fields.ctrl = decimalOf(value, 'usbdev: controller', 0, 255);
    else if (key === 'port') fields.port = decimalOf(value, 'usbdev: port', 1, 31);
    else unknown(spec, 'usbdev', key);
  }
  if (host.hostbus === undefined || host.hostaddr === undefined) {
    throw badConfig(spec.at, 'usbdev: hostbus and hostaddr must be given');
  }
  return { ...fields, 'type.hostdev': given(host) };
}

/** libxl_device_channel of a channel's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseChannelText(spec: Placed, devid: number, warn: Warn): JsonObject {
  let [name, path, isSocket]: [string | undefined, string | undefined, boolean] = [undefined, undefined, false];
  let backend: string | undefined;
  for (const [key, value] of pairsOf(spec)) {
    if (key === 'name') name = value.text;
    else if (key === 'path') path = value.text;
    else if (key === 'connection') {
      isSocket = oneOf(value, 'channel: connection', ['pty', 'socket']) === 'socket';
    } else if (key === 'backend') backend = value.text;
    // xl passes others over, with a warning.
    else warn(`channel: ${key} is not carried over: it is not a parameter of xl`);
  }
  if (name === undefined || name === '') throw badConfig(spec.at, 'channel: the name is missing');
  const general = given({ devid, name, backend_domname: backend });
  return { ...general, ...(isSocket ? { 'connection.socket': given({ path }) } : { 'connection.pty': {} }) };
}

const defbool = (value: Placed, name: string): string =>
  decimalOf(value, name, -0xffff_ffff, 0xffff_ffff) === 0 ? 'False' : 'True';

/** `vnc=1,vnclisten=…`: VNC is on by default. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseVfbText(spec: Placed, devid: number, warn: Warn): JsonObject {
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
        vnc.display = decimalOf(value, 'vfb: vncdisplay', 0, 59_635);
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
      case 'opengl':
        sdl.opengl = defbool(value, 'vfb: opengl');
        break;
      case 'display':
      case 'xauthority':
        sdl[key] = value.text;
        break;
      // xm's name of the type.
      case 'type':
        if (oneOf(value, 'vfb: type', ['vnc', 'sdl']) === 'sdl') [vnc.enable, sdl.enable] = ['False', 'True'];
        break;
      // xl ignores others.
      default:
        warn(`vfb: ${key} is not carried over: xl does not know or use it`);
    }
  }
  return given({ devid, vnc, sdl, keymap });
}
