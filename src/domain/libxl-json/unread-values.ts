import { parseCharacterText } from '../native/character-text.js';
import { channelFromJson, usbDeviceFromJson } from './passthrough.js';
import type { ReadConfig, ReadHvm, ReadOf } from './schema.js';

/** Options of QEMU's rbd driver in addition to the image's name that a definition contains or need not contain. */
const RBD_OPTIONS = /^(?:mon_host|conf|auth_supported|id|key)=/;
/** Twice the memory of the largest card. */
const MOST_VIDEO_KIB = 256 * 1024;
const USB_DEVICES: readonly (string | undefined)[] = [undefined, 'tablet', 'mouse', 'keyboard'];
const SOUND_CARDS: readonly (string | undefined)[] = [undefined, 'sb16', 'es1370', 'ac97', 'hda', 'ich6'];

/**
 * Paths of values in known fields that the definition would represent differently or not at all: libxl would use
 * a value that no check has seen.
 */
export function unreadValues(config: ReadConfig): string[] {
  const { c_info: made, b_info: built } = config;
  const types = (['pv', 'pvh', 'hvm'] as const).filter((type) => type !== made.type);
  return [
    ...types.filter((type) => isFilled(built[`type.${type}`])).map((type) => `b_info.type.${type}`),
    ...((built.target_memkb ?? 0) > built.max_memkb ? ['b_info.target_memkb'] : []),
    ...((built.video_memkb ?? 0) > Math.max(built.max_memkb, MOST_VIDEO_KIB) ? ['b_info.video_memkb'] : []),
    ...(built['type.hvm'] === undefined ? [] : unreadOfHvm(built['type.hvm'])),
    ...(config.disks.some(hasUnreadSource) ? ['disks.pdev_path'] : []),
    ...(config.channels.some((channel) => channelFromJson(channel).length === 0) ? ['channels'] : []),
    ...(config.usbdevs.some((device) => usbDeviceFromJson(device).length === 0) ? ['usbdevs'] : []),
  ];
}

function isFilled(section: object | undefined): boolean {
  return section !== undefined && Object.keys(section).some((key) => !LIST_DEFAULTS.has(key));
}

/** Lists that the schema fills in. */
const LIST_DEFAULTS: ReadonlySet<string> = new Set(['serial_list', 'usbdevice_list']);

function unreadOfHvm(hvm: ReadHvm): string[] {
  const serials = [hvm.serial, ...hvm.serial_list];
  const isUnseenScreen = hvm.nographic === true || hvm.vga?.kind === 'none';
  const unread: Record<string, boolean> = {
    serial: serials.some((text) => text !== undefined && parseCharacterText(text) === undefined),
    usbdevice: ![hvm.usbdevice, ...hvm.usbdevice_list].every((one) => USB_DEVICES.includes(one)),
    soundhw: !SOUND_CARDS.includes(hvm.soundhw),
    boot: !/^[acdn]*$/.test(hvm.boot ?? ''),
    // A definition names the file of OVMF only, not of other firmware.
    system_firmware: hvm.system_firmware !== undefined && hvm.bios !== 'ovmf',
    // libxl enables VNC by default; a definition without a card has no display.
    vnc: isUnseenScreen && hvm.vnc?.enable === undefined && hvm.vnc?.listen !== undefined,
  };
  return Object.keys(unread).flatMap((name) => (unread[name] ? [`b_info.type.hvm.${name}`] : []));
}

function hasUnreadSource({ pdev_path: path, format }: ReadOf<'disks'>): boolean {
  if (path === undefined) return false;
  if (format === 'empty') return true;
  if (!path.startsWith('rbd:')) return false;
  const [, , ...options] = path.split(/(?<!\\):/);
  return options.some((option) => !RBD_OPTIONS.test(option));
}
