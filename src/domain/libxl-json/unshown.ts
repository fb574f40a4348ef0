import { parseCharacterText } from '../native/character-text.js';
import { cpuidFromJson } from './cpuid.js';
import { otherSounds, otherUsb, otherBoot } from './hvm.js';
import type { ReadConfig, ReadHvm } from './schema.js';
import { unreadFields } from './unread-fields.js';

/** Settings of an HVM guest that domain XML cannot express. */
function hvmPaths(hvm: ReadHvm): string[] {
  const serials = hvm.serial === undefined ? hvm.serial_list : [hvm.serial, ...hvm.serial_list];
  return [
    ...serials.filter((text) => text !== undefined && parseCharacterText(text) === undefined).map(() => 'serial'),
    ...otherSounds(hvm).map((word) => `soundhw (${word})`),
    ...otherUsb(hvm).map((word) => `usbdevice_list (${word})`),
    ...otherBoot(hvm).map((word) => `boot (${word})`),
    ...(hvm.system_firmware !== undefined && hvm.bios !== 'ovmf' ? ['system_firmware'] : []),
    ...(hvm.keymap !== undefined && hvm.vnc?.enable === false && hvm.spice?.enable !== true ? ['keymap'] : []),
  ].map((path) => `b_info.type.hvm.${path}`);
}

/** Settings of a configuration that the definition made from it lacks; each with its path. */
export function unshownFields(config: ReadConfig): string[] {
  const hvm = config.b_info['type.hvm'];
  const paths = [
    ...unreadFields(config),
    ...cpuidFromJson(config.b_info.cpuid).unknown.map((path) => `b_info.${path}`),
    ...(hvm === undefined ? [] : hvmPaths(hvm)),
    // The framebuffer of an HVM guest is its device model's.
    ...(hvm === undefined ? [] : config.vfbs.map((_, index) => `vfbs.${index}`)),
    ...config.usbctrls.flatMap(({ type, version }, index) =>
      type === 'devicemodel' || version === 3 ? [`usbctrls.${index}`] : [],
    ),
  ];
  return paths.map((path) => `${path}: domain XML has no form for it`);
}
