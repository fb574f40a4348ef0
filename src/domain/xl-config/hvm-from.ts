import { defbool, given, type JsonObject } from '../libxl-json/json.js';
import type { Settings } from './settings.js';

/* `type.hvm` of a file: settings of the device model and firmware. */

/** VNC settings outside of `vfb`; undefined if there are none. */
export function vncFrom(settings: Settings): JsonObject | undefined {
  const fields = given({
    enable: defbool(settings.flag('vnc')),
    listen: settings.plain('vnclisten'),
    passwd: settings.plain('vncpasswd'),
    display: settings.number('vncdisplay', 0, 59_635),
    findunused: defbool(settings.flag('vncunused')),
  });
  return Object.keys(fields).length === 0 ? undefined : fields;
}

function sdl(settings: Settings): JsonObject {
  return given({
    enable: defbool(settings.flag('sdl')),
    display: settings.plain('display'),
    xauthority: settings.plain('xauthority'),
  });
}

function spice(settings: Settings): JsonObject {
  return given({
    enable: defbool(settings.flag('spice')),
    port: settings.number('spiceport', 0, 65_535),
    tls_port: settings.number('spicetls_port', 0, 65_535),
    host: settings.plain('spicehost'),
    disable_ticketing: defbool(settings.flag('spicedisable_ticketing')),
    passwd: settings.plain('spicepasswd'),
    agent_mouse: defbool(settings.flag('spiceagent_mouse')),
    vdagent: defbool(settings.flag('spicevdagent')),
    clipboard_sharing: defbool(settings.flag('spice_clipboard_sharing')),
  });
}

function vga(settings: Settings): JsonObject | undefined {
  const word = settings.choice('vga', ['stdvga', 'cirrus', 'qxl', 'none']);
  const std = settings.flag('stdvga');
  if (word !== undefined) return { kind: word === 'stdvga' ? 'std' : word };
  return std === undefined ? undefined : { kind: std ? 'std' : 'cirrus' };
}

/** Serial ports, as a list if there are several; `none` means none. */
function serials(settings: Settings): JsonObject {
  const all = settings.textOrList('serial').all.map(({ text }) => text);
  const some = all.filter((text) => text !== '' && text !== 'none');
  return some.length > 1 ? { serial_list: some } : given({ serial: some.at(0) });
}

/** Values of `usbdevice`; a device of the host has no form in domain XML. */
function usb(settings: Settings): JsonObject {
  const all = settings.textOrList('usbdevice').all.map(({ text }) => text);
  return given({ usb: defbool(settings.flag('usb')), usbdevice_list: all.length === 0 ? undefined : all });
}

/** `type.hvm` of a file. */
export function hvmFrom(settings: Settings): JsonObject {
  return given({
    bios: firmware(settings) ?? settings.choice('bios', ['rombios', 'seabios', 'ovmf']),
    system_firmware: settings.plain('bios_path_override'),
    pae: defbool(settings.flag('pae')),
    hpet: defbool(settings.flag('hpet')),
    viridian: defbool(viridian(settings)),
    acpi_firmware: settings.plain('acpi_firmware'),
    nographic: defbool(settings.flag('nographic')),
    vga: vga(settings),
    vnc: vncFrom(settings),
    keymap: settings.plain('keymap'),
    sdl: sdl(settings),
    spice: spice(settings),
    ...serials(settings),
    boot: settings.plain('boot'),
    ...usb(settings),
    soundhw: settings.plain('soundhw'),
  });
}

/** `firmware` overrides `bios`; the value `bios` is libxl's default, and any other value a path of the host. */
function firmware(settings: Settings): string | undefined {
  const word = settings.text('firmware');
  if (word === undefined || word.text === '' || 'bios'.startsWith(word.text)) return undefined;
  if ('uefi'.startsWith(word.text)) return 'ovmf';
  if (['rombios', 'seabios', 'ovmf'].includes(word.text)) return word.text;
  settings.warn(word.at, `firmware is not carried over: ${JSON.stringify(word.text)} is a file of the host`);
  return undefined;
}

/** A list names groups, which the metadata keep. */
function viridian(settings: Settings): boolean | undefined {
  const { isList, all } = settings.textOrList('viridian');
  if (!isList) return settings.flag('viridian');
  return all.some(({ text }) => text === 'defaults') ? true : undefined;
}
