import { plainDevice, type Device } from '../definition/devices/device.js';
import type { Sound } from '../definition/devices/display.js';
import type { BootDevice, Loader, Os } from '../definition/os.js';
import type { GuestType } from '../model.js';
import { parseCharacterText } from '../native/character-text.js';
import type { ReadConfig, ReadHvm } from './schema.js';

/* Settings of the device model and firmware of an HVM guest. */

const BOOT_OF: Readonly<Record<string, BootDevice | undefined>> = { a: 'fd', c: 'hd', d: 'cdrom', n: 'network' };

function bootOf(letters: string): BootDevice[] {
  const devices = letters.split(/(?=.)/).flatMap((letter) => BOOT_OF[letter] ?? []);
  return [...new Set(devices)];
}

function firmware(hvm: ReadHvm | undefined): Pick<Os, 'firmware' | 'loader'> {
  if (hvm?.bios !== 'ovmf') return { firmware: hvm?.bios === 'seabios' ? 'bios' : undefined, loader: undefined };
  const path = hvm.system_firmware;
  if (path === undefined) return { firmware: 'efi', loader: undefined };
  const loader: Loader = { path, type: 'pflash', readonly: true, secure: undefined };
  return { firmware: undefined, loader };
}

/** The boot configuration of a guest in libxl's JSON. */
export function readOsFields(built: ReadConfig['b_info'], type: GuestType): Os {
  const hvm = type === 'hvm' ? built['type.hvm'] : undefined;
  return {
    arch: undefined,
    machine: undefined,
    ...firmware(hvm),
    nvram: undefined,
    kernel: built.kernel,
    initrd: built.ramdisk,
    cmdline: built.cmdline,
    boot: bootOf(hvm?.boot ?? ''),
    acpiTables: hvm?.acpi_firmware === undefined ? undefined : { type: 'rawset', path: hvm.acpi_firmware },
    bootloader: built.bootloader,
    bootloaderArgs: built.bootloader_args,
  };
}

const SOUND_OF: Readonly<Record<string, Sound['model'] | undefined>> = {
  sb16: 'sb16',
  es1370: 'es1370',
  ac97: 'ac97',
  hda: 'ich6',
  ich6: 'ich6',
};

/** The values in `soundhw`, as for QEMU. */
function soundWords({ soundhw }: ReadHvm): string[] {
  return (soundhw ?? '').split(',').filter((word) => word !== '');
}

function soundModels(hvm: ReadHvm): Sound['model'][] {
  return soundWords(hvm).flatMap((word) => SOUND_OF[word] ?? []);
}

/** Sound cards that domain XML lacks. */
export function otherSounds(hvm: ReadHvm): string[] {
  return soundWords(hvm).filter((word) => SOUND_OF[word] === undefined);
}

/** Letters of the boot order without a meaning here. */
export function otherBoot({ boot }: ReadHvm): string[] {
  return (boot ?? '').split(/(?=.)/).filter((letter) => letter !== '' && BOOT_OF[letter] === undefined);
}

const USB_INPUTS = ['tablet', 'mouse', 'keyboard'] as const;

function usbWords(hvm: ReadHvm): string[] {
  const all = hvm.usbdevice === undefined ? hvm.usbdevice_list : [hvm.usbdevice, ...hvm.usbdevice_list];
  return all.filter((text) => text !== undefined);
}

/** USB devices that domain XML lacks. */
export function otherUsb(hvm: ReadHvm): string[] {
  return usbWords(hvm).filter((word) => !USB_INPUTS.some((one) => one === word));
}

/** Serial ports, USB input and sound. */
export function hvmDevices(hvm: ReadHvm): Device[] {
  const serials = hvm.serial === undefined ? hvm.serial_list : [hvm.serial, ...hvm.serial_list];
  return [
    ...serials.flatMap((text, port): Device[] => {
      const source = text === undefined ? undefined : parseCharacterText(text);
      return source === undefined ? [] : [plainDevice({ kind: 'serial', source, port })];
    }),
    ...usbWords(hvm).flatMap((word): Device[] => {
      const type = USB_INPUTS.find((one) => one === word);
      return type === undefined ? [] : [plainDevice({ kind: 'input', type, bus: 'usb' })];
    }),
    ...soundModels(hvm).map((model) => plainDevice({ kind: 'sound' as const, model })),
  ];
}

/** The inverse of `buildInfo`: the first three fields are little-endian in memory. */
export function genidText(bytes: readonly number[]): string {
  const swapped = [
    ...bytes.slice(0, 4).toReversed(),
    ...bytes.slice(4, 6).toReversed(),
    ...bytes.slice(6, 8).toReversed(),
    ...bytes.slice(8),
  ];
  const hex = Buffer.from(swapped).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
