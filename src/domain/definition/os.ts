import { element, type XmlElement } from '../../xml/element.js';
import type { GuestType } from '../model.js';
import type { ElementReader } from './element-reader.js';

export const BOOT_DEVICES = ['fd', 'hd', 'cdrom', 'network'] as const;
export type BootDevice = (typeof BOOT_DEVICES)[number];

/** `<loader>`. */
export interface Loader {
  readonly path: string | undefined;
  readonly type: 'rom' | 'pflash' | undefined;
  readonly readonly: boolean | undefined;
  readonly secure: boolean | undefined;
}

const TABLE_TYPES = ['slic', 'rawset'] as const;

/** Boot configuration: `<os>`, `<bootloader>` and `<bootloader_args>`. */
export interface Os {
  readonly arch: string | undefined;
  readonly machine: string | undefined;
  /** Firmware that the host chooses (L14). */
  readonly firmware: 'bios' | 'efi' | undefined;
  readonly loader: Loader | undefined;
  readonly nvram: string | undefined;
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly cmdline: string | undefined;
  /** In the order in which they are tried; HVM only. */
  readonly boot: readonly BootDevice[];
  /**
   * A file of tables for the guest's ACPI (L23). Under Xen both kinds mean tables with their headers, one after the
   * other.
   */
  readonly acpiTables: { readonly path: string; readonly type: (typeof TABLE_TYPES)[number] } | undefined;
  readonly bootloader: string | undefined;
  readonly bootloaderArgs: readonly string[];
}

function readLoader(loader: ElementReader): Loader {
  // libvirt writes it; it is the only value.
  loader.choice('format', ['raw']);
  return {
    path: loader.text() || undefined,
    type: loader.choice('type', ['rom', 'pflash']),
    readonly: loader.yesNo('readonly'),
    secure: loader.yesNo('secure'),
  };
}

/** Reads the boot configuration of a domain. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readOs(domain: ElementReader): Os {
  const bootloader = domain.textChild('bootloader');
  const args = domain.textChild('bootloader_args');
  const os = domain.child('os', (reader) => ({
    firmware: reader.choice('firmware', ['bios', 'efi']),
    type: reader.child('type', (type) => {
      // The type of guest is known from the basic reading.
      type.text();
      return { arch: type.attribute('arch'), machine: type.attribute('machine') };
    }),
    loader: reader.child('loader', readLoader),
    nvram: reader.textChild('nvram'),
    kernel: reader.textChild('kernel'),
    initrd: reader.textChild('initrd'),
    cmdline: reader.textChild('cmdline'),
    boot: reader.children('boot', BOOT_DEVICES.length, (boot) => boot.needChoice('dev', BOOT_DEVICES)),
    acpiTables: reader.child('acpi', (acpi) =>
      acpi.child('table', (table) => ({ type: table.needChoice('type', TABLE_TYPES), path: table.text() })),
    ),
  }));
  if (os === undefined) throw domain.bad('os', 'is missing');
  const { type, ...rest } = os;
  return {
    arch: type?.arch,
    machine: type?.machine,
    ...rest,
    bootloader,
    bootloaderArgs: args?.split(/\s+/) ?? [],
  };
}

/** The machine of each kind of guest, by libvirt's names. */
export const MACHINE: Readonly<Record<GuestType, string>> = { hvm: 'xenfv', pvh: 'xenpvh', pv: 'xenpv' };

/** `<type>` as libvirt writes it. */
const TYPE_TEXT: Readonly<Record<GuestType, string>> = { hvm: 'hvm', pvh: 'xenpvh', pv: 'linux' };

const yesNo = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? 'yes' : 'no';

function textElement(name: string, text: string | undefined): XmlElement[] {
  return text === undefined ? [] : [element(name, {}, [text])];
}

/** The boot configuration as elements of `<domain>`. */
export function writeOs(os: Os, type: GuestType): XmlElement[] {
  const { loader } = os;
  return [
    ...textElement('bootloader', os.bootloader),
    ...textElement('bootloader_args', os.bootloaderArgs.join(' ') || undefined),
    element('os', { firmware: os.firmware }, [
      element('type', { arch: os.arch, machine: os.machine }, [TYPE_TEXT[type]]),
      ...(loader === undefined
        ? []
        : [
            element(
              'loader',
              { readonly: yesNo(loader.readonly), secure: yesNo(loader.secure), type: loader.type },
              loader.path === undefined ? [] : [loader.path],
            ),
          ]),
      ...textElement('nvram', os.nvram),
      ...textElement('kernel', os.kernel),
      ...textElement('initrd', os.initrd),
      ...textElement('cmdline', os.cmdline),
      ...(os.acpiTables === undefined
        ? []
        : [element('acpi', {}, [element('table', { type: os.acpiTables.type }, [os.acpiTables.path])])]),
      ...os.boot.map((dev) => element('boot', { dev })),
    ]),
  ];
}
