import type { GuestType } from '../../domain/model.js';
import { MACHINE } from '../../domain/definition/os.js';
import { MAX_VCPUS } from '../../domain/definition/validate/basics.js';
import { RefusedError, UsageError } from '../../errors/errors.js';
import type { HostInfo } from '../../toolstack/toolstack.js';
import { element, type XmlElement } from '../../xml/element.js';
import { formatXml } from '../../xml/format.js';
import { GUEST_ARCHS, HVMLOADER, readGuestAbis, type GuestArch } from './guest-abis.js';
import { hostArch } from './host-cpu.js';

/**
 * The kind of guest that is asked about; defaults as in libvirt: a paravirtual guest of the host's own architecture.
 */
export interface DomainCapabilitiesRequest {
  readonly virttype?: string | undefined;
  /** Path of the device model, shown as it is given. */
  readonly emulatorbin?: string | undefined;
  readonly arch?: string | undefined;
  readonly machine?: string | undefined;
}

const EMULATOR = '/usr/bin/qemu-system-x86_64';
const OVMF = '/usr/lib/xen/boot/ovmf.bin';
const GUEST_TYPES = ['pv', 'hvm', 'pvh'] as const satisfies readonly GuestType[];

/**
 * What a guest of one kind can have on this host, in the form of libvirt's domain capabilities (S11, L01; facts 3.5).
 * @throws UsageError `E_USAGE_VIRTTYPE`, `E_USAGE_ARCH`, `E_USAGE_MACHINE`; RefusedError `E_REFUSED_UNSUPPORTED` if
 * this host does not run such guests
 */
export function formatDomainCapabilities(host: HostInfo, request: DomainCapabilitiesRequest): string {
  const { virttype = 'xen', emulatorbin = EMULATOR } = request;
  if (virttype !== 'xen') {
    throw new UsageError('E_USAGE_VIRTTYPE', `${JSON.stringify(virttype)} is not a domain type of this host`, {
      hint: 'Use xen, or leave it out.',
    });
  }
  const arch = request.arch === undefined ? hostArch(host) : knownArch(request.arch);
  const type = request.machine === undefined ? 'pv' : typeOfMachine(request.machine);
  checkRuns(host, type, arch);
  return formatXml(
    element('domainCapabilities', {}, [
      element('path', {}, [emulatorbin]),
      element('domain', {}, [virttype]),
      element('machine', {}, [MACHINE[type]]),
      element('arch', {}, [arch]),
      element('vcpu', { max: MAX_VCPUS[type] }),
      element('iothreads', { supported: 'no' }),
      element('os', { supported: 'yes' }, [loader(type)]),
      element(
        'cpu',
        {},
        ['host-passthrough', 'maximum', 'host-model', 'custom'].map((name) =>
          element('mode', { name, supported: 'no' }),
        ),
      ),
      element('devices', {}, devices()),
    ]),
  );
}

function knownArch(text: string): GuestArch {
  const found = GUEST_ARCHS.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError('E_USAGE_ARCH', `unknown architecture ${JSON.stringify(text)}`, {
    hint: `Architectures of Xen's guests are ${GUEST_ARCHS.join(', ')}.`,
  });
}

function typeOfMachine(text: string): GuestType {
  const found = GUEST_TYPES.find((type) => MACHINE[type] === text);
  if (found !== undefined) return found;
  throw new UsageError('E_USAGE_MACHINE', `${JSON.stringify(text)} is not a machine type of Xen's guests`, {
    hint: `Use ${GUEST_TYPES.map((type) => MACHINE[type]).join(', ')}.`,
  });
}

/** Refuses kinds of guests that cannot start here, which the document would otherwise describe as usable. */
function checkRuns(host: HostInfo, type: GuestType, arch: GuestArch): void {
  const osType = type === 'pv' ? 'xen' : 'hvm';
  const abis = readGuestAbis(host.guestAbis);
  if (abis.some((abi) => abi.osType === osType && abi.arch === arch)) return;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `${host.hostname} does not run ${arch} guests on machine ${MACHINE[type]}`,
    {
      hint:
        abis.length === 0
          ? 'Its hypervisor does not report which guests it runs.'
          : 'The <guest> elements of `xenferry capabilities` list what it runs.',
      data: { arch, machine: MACHINE[type] },
    },
  );
}

const values = (of: readonly string[]): XmlElement[] => of.map((value) => element('value', {}, [value]));
const oneOf = (name: string, of: readonly string[]): XmlElement => element('enum', { name }, values(of));

/** HVM guests have firmware; others are started by their kernel or a bootloader in domain 0. */
function loader(type: GuestType): XmlElement {
  if (type !== 'hvm') return element('loader', { supported: 'no' });
  return element('loader', { supported: 'yes' }, [
    ...values([HVMLOADER, OVMF]),
    oneOf('type', ['rom', 'pflash']),
    oneOf('readonly', ['yes']),
  ]);
}

function devices(): XmlElement[] {
  const supported = { supported: 'yes' };
  return [
    element('disk', supported, [oneOf('diskDevice', ['disk', 'cdrom']), oneOf('bus', ['ide', 'scsi', 'xen'])]),
    element('graphics', supported, [oneOf('type', ['sdl', 'vnc', 'spice'])]),
    element('video', supported, [oneOf('modelType', ['vga', 'cirrus', 'xen'])]),
    element('hostdev', supported, [
      oneOf('mode', ['subsystem']),
      oneOf('startupPolicy', ['default', 'mandatory', 'requisite', 'optional']),
      oneOf('subsysType', ['usb', 'pci']),
      oneOf('capsType', []),
      oneOf('pciBackend', ['xen']),
    ]),
  ];
}
