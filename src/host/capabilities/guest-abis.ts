import { element, type XmlElement } from '../../xml/element.js';

/** Architectures of Xen guests, by libvirt's names. */
export const GUEST_ARCHS = ['i686', 'x86_64', 'armv7l', 'aarch64'] as const;
export type GuestArch = (typeof GUEST_ARCHS)[number];

/** Firmware of HVM guests, at Xen's usual path. */
export const HVMLOADER = '/usr/lib/xen/boot/hvmloader';

/** A kind of guest that the hypervisor can run. */
export interface GuestAbi {
  /** `xen`: paravirtual; `hvm`: hardware virtualised, which includes PVH. */
  readonly osType: 'xen' | 'hvm';
  readonly arch: GuestArch;
  readonly pae: boolean;
}

/** As Xen prints them: `xen-3.0-x86_64`, `hvm-3.0-x86_32p` (XENVER_capabilities). */
const TOKEN = /^(xen|hvm)-\d{1,3}\.\d{1,3}-(x86_32p?|x86_64|armv7l|aarch64)$/;

function archOf(name: string): GuestArch {
  switch (name) {
    case 'x86_64':
    case 'armv7l':
    case 'aarch64':
      return name;
    default:
      return 'i686';
  }
}

/** Parses Xen's capability tokens; unknown ones are ignored. */
export function readGuestAbis(tokens: readonly string[]): GuestAbi[] {
  const abis: GuestAbi[] = [];
  for (const token of tokens) {
    const match = TOKEN.exec(token);
    if (match === null) continue;
    const osType = match[1] === 'hvm' ? 'hvm' : 'xen';
    const arch = archOf(match[2]);
    const pae = match[2] === 'x86_32p';
    const known = abis.findIndex((abi) => abi.osType === osType && abi.arch === arch);
    // A guest with and one without PAE are one kind, with PAE optional.
    if (known === -1) abis.push({ osType, arch, pae });
    else abis[known] = { osType, arch, pae: pae || abis[known].pae };
  }
  return abis;
}

const WORD_SIZE: Readonly<Record<GuestArch, number>> = { i686: 32, armv7l: 32, x86_64: 64, aarch64: 64 };

function features({ osType, arch, pae }: GuestAbi): XmlElement[] {
  const onOff = { default: 'on', toggle: 'yes' };
  const list = [
    ...(arch === 'i686' ? [...(pae ? [element('pae')] : []), ...(osType === 'hvm' ? [element('nonpae')] : [])] : []),
    ...(osType === 'hvm' ? [element('acpi', onOff), element('apic', onOff), element('hap', onOff)] : []),
  ];
  return list.length === 0 ? [] : [element('features', {}, list)];
}

/** A `<guest>` of the capabilities (facts 3.5), and after an HVM one the PVH guest that it implies. */
export function writeGuest(abi: GuestAbi): XmlElement[] {
  const { osType, arch } = abi;
  const machines = osType === 'hvm' ? ['xenfv', 'xenpvh'] : ['xenpv'];
  return machines.map((machine) =>
    element('guest', {}, [
      element('os_type', {}, [machine === 'xenpvh' ? 'xenpvh' : osType]),
      element('arch', { name: arch }, [
        element('wordsize', {}, [String(WORD_SIZE[arch])]),
        ...(machine === 'xenfv'
          ? [element('emulator', {}, ['/usr/lib/xen/bin/qemu-system-i386']), element('loader', {}, [HVMLOADER])]
          : []),
        element('machine', {}, [machine]),
        element('domain', { type: 'xen' }),
      ]),
      ...features(abi),
    ]),
  );
}
