import type { Graphics, Listen, Sdl, Spice, Video, Vnc } from '../definition/devices/display.js';
import { plainDevice, type Device } from '../definition/devices/device.js';
import { notMapped } from '../native/not-mapped.js';
import { defbool, given, type JsonObject } from './json.js';
import type { ReadHvm, ReadOf, ReadVnc } from './schema.js';

/* libxl_vnc_info, libxl_sdl_info, libxl_spice_info, and the card that they show. */

/** Port of VNC display 0 (RFC 6143, section 2 names the range only by custom). */
const FIRST_PORT = 5900;
const LOCALHOST = '127.0.0.1';

function addressOf(listen: Listen): string {
  if (listen.type === 'address') return listen.address ?? LOCALHOST;
  throw notMapped(`<listen type='${listen.type}'>`, "Use <listen type='address' address='…'/>.");
}

function vncToJson(vnc: Vnc): JsonObject {
  const { port } = vnc;
  if (port !== undefined && port < FIRST_PORT) throw notMapped(`VNC port ${port}`, `Use ${FIRST_PORT} or higher.`);
  return given({
    enable: 'True',
    listen: addressOf(vnc.listen),
    passwd: vnc.password,
    display: port === undefined ? undefined : port - FIRST_PORT,
    findunused: defbool(port === undefined),
  });
}

function sdlToJson(sdl: Sdl): JsonObject {
  return given({ enable: 'True', display: sdl.display, xauthority: sdl.xauth });
}

function spiceToJson(spice: Spice): JsonObject {
  if (spice.port === undefined && spice.tlsPort === undefined) {
    throw notMapped("spice with autoport='yes'", "libxl finds no free port for spice: name one with port='…'.");
  }
  const copyPaste = spice.copyPaste;
  return given({
    enable: 'True',
    port: spice.port,
    tls_port: spice.tlsPort,
    host: addressOf(spice.listen),
    passwd: spice.password,
    disable_ticketing: defbool(spice.password === undefined),
    // By default the client controls the pointer, as in libvirt.
    agent_mouse: defbool(spice.mouseMode !== 'server'),
    vdagent: defbool(copyPaste),
    clipboard_sharing: defbool(copyPaste),
  });
}

function onlyOne<T extends Graphics>(all: readonly T[]): T | undefined {
  if (all.length > 1) throw notMapped(`a second <graphics type='${all[0]?.type ?? ''}'>`, 'Keep one of each type.');
  return all[0];
}

function ofType<T extends Graphics['type']>(all: readonly Graphics[], type: T): Extract<Graphics, { type: T }>[] {
  return all.filter((one): one is Extract<Graphics, { type: T }> => one.type === type);
}

/** Displays of an HVM guest: its device model has at most one of each kind, and VNC unless it is disabled. */
export function hvmGraphicsToJson(all: readonly Graphics[]): JsonObject {
  const vnc = onlyOne(ofType(all, 'vnc'));
  const sdl = onlyOne(ofType(all, 'sdl'));
  const spice = onlyOne(ofType(all, 'spice'));
  return given({
    vnc: vnc === undefined ? { enable: 'False' } : vncToJson(vnc),
    sdl: sdl === undefined ? { enable: 'False' } : sdlToJson(sdl),
    spice: spice === undefined ? undefined : spiceToJson(spice),
    keymap: vnc?.keymap ?? spice?.keymap,
  });
}

/** A paravirtual framebuffer, for PV and PVH; each needs a keyboard, too. */
export function vfbToJson(graphics: Graphics, devid: number): JsonObject {
  switch (graphics.type) {
    case 'vnc':
      return given({ devid, vnc: vncToJson(graphics), sdl: { enable: 'False' }, keymap: graphics.keymap });
    case 'sdl':
      return { devid, vnc: { enable: 'False' }, sdl: sdlToJson(graphics) };
    case 'spice':
      throw notMapped('spice outside of an HVM guest', "Use <graphics type='vnc'>.");
  }
}

const VGA_KIND = { vga: 'std', xen: 'std', cirrus: 'cirrus', qxl: 'qxl' } as const;

/** `vga` and `nographic` of `type.hvm`. The card's memory is `video_memkb`, outside `type.hvm`. */
export function videoToJson(video: Video | undefined): JsonObject {
  if (video === undefined) return { nographic: 'True', vga: { kind: 'none' } };
  return video.model === undefined ? {} : { vga: { kind: VGA_KIND[video.model] } };
}

function listenOf(address: string | undefined): Listen {
  return { type: 'address', address };
}

const PLAIN_VNC: VncFields = { display: 0, listen: undefined, passwd: undefined, findunused: undefined };
type VncFields = Pick<ReadVnc, 'display' | 'listen' | 'passwd' | 'findunused'>;

function vncFromJson(vnc: VncFields, keymap: string | undefined): Device {
  // "address:port" is possible too; libxl splits it.
  const withDisplay = /^(.*):(\d{1,5})$/.exec(vnc.listen ?? '');
  const display = withDisplay === null ? vnc.display : Number(withDisplay[2]);
  const chosen = vnc.findunused ?? withDisplay === null;
  return plainDevice({
    kind: 'graphics',
    type: 'vnc',
    port: chosen || display + FIRST_PORT > 65_535 ? undefined : display + FIRST_PORT,
    listen: listenOf(withDisplay === null ? vnc.listen : withDisplay[1]),
    password: vnc.passwd,
    keymap,
  });
}

function sdlFromJson(sdl: { display?: string | undefined; xauthority?: string | undefined }): Device {
  return plainDevice({
    kind: 'graphics',
    type: 'sdl',
    display: sdl.display,
    xauth: sdl.xauthority,
    fullscreen: undefined,
  });
}

/** Displays of an HVM guest in libxl's JSON. */
export function hvmGraphicsFromJson(hvm: ReadHvm): Device[] {
  const { vnc, sdl, spice, keymap } = hvm;
  // libxl's own default is a VNC display, unless displays are disabled. Without a card it would show nothing, and in
  // domain XML a display implies a card.
  const vncOn = vnc?.enable ?? (hvm.nographic !== true && hvm.vga?.kind !== 'none');
  return [
    ...(vncOn ? [vncFromJson(vnc ?? PLAIN_VNC, keymap)] : []),
    ...(sdl?.enable === true ? [sdlFromJson(sdl)] : []),
    ...(spice?.enable === true
      ? [
          plainDevice({
            kind: 'graphics' as const,
            type: 'spice' as const,
            port: spice.port === 0 ? undefined : spice.port,
            tlsPort: spice.tls_port === 0 ? undefined : spice.tls_port,
            // By default QEMU listens on all addresses.
            listen: listenOf(spice.host ?? '0.0.0.0'),
            password: spice.passwd,
            keymap: vncOn ? undefined : keymap,
            mouseMode:
              spice.agent_mouse === undefined
                ? undefined
                : spice.agent_mouse
                  ? ('client' as const)
                  : ('server' as const),
            copyPaste: spice.clipboard_sharing,
          }),
        ]
      : []),
  ];
}

/** The display of a paravirtual framebuffer in libxl's JSON. */
export function vfbFromJson({ vnc, sdl, keymap }: ReadOf<'vfbs'>): Device[] {
  return [
    ...(vnc?.enable === false || vnc === undefined ? [] : [vncFromJson(vnc, keymap)]),
    ...(sdl?.enable === true ? [sdlFromJson(sdl)] : []),
  ];
}

const MODEL_OF = { std: 'vga', cirrus: 'cirrus', qxl: 'qxl', none: undefined } as const;

/** libxl's default is a Cirrus card, with or without a display. */
function modelOf({ vga, nographic }: ReadHvm): Video['model'] {
  const kind = vga?.kind ?? 'unknown';
  if (kind !== 'unknown') return MODEL_OF[kind];
  return nographic === true ? undefined : 'cirrus';
}

/** The video card of an HVM guest; empty if it has none. */
export function videoFromJson(hvm: ReadHvm, memoryKiB: number | undefined): Device[] {
  const model = modelOf(hvm);
  if (model === undefined) return [];
  const none = { ramKiB: undefined, vgaMemKiB: undefined, heads: undefined, primary: undefined };
  return [plainDevice({ kind: 'video', model, vramKiB: memoryKiB === 0 ? undefined : memoryKiB, ...none })];
}
