import { otherBackend } from '../backend-domain.js';
import type { CharacterSource, Endpoint } from './devices/character.js';
import type { Device } from './devices/device.js';
import type { Disk } from './devices/disk.js';
import type { Graphics } from './devices/display.js';
import { hex } from './devices/pci-address.js';
import type { Definition } from './model.js';

/*
 * Resources of its host that a definition names, for rules about definitions from other hosts. Pure: whether they
 * exist, and where they lead, is checked by the caller.
 */

/** Kinds of resources of a host. */
export type ReachKind =
  /** A file, folder or device node that a program of the host opens, and may write to. */
  | 'path'
  /** A file that is read into the guest when it starts: kernel, ramdisk, firmware, ACPI table. */
  | 'kernel'
  /** An image of a storage cluster, as PROTOCOL:NAME. */
  | 'network-disk'
  | 'emulator'
  /** An argument of the device model, or a text that it would take for several. */
  | 'device-model-args'
  | 'bootloader'
  | 'bootloader-args'
  | 'script'
  | 'pci'
  | 'usb'
  /** A network address at which a program of the host listens. */
  | 'listen'
  /** A network address that a program of the host connects to. */
  | 'connect'
  /** A window on the host's own screen. */
  | 'sdl'
  /** A network device that is not a bridge, or a name that a script would take for something else than one. */
  | 'network-device'
  /** Another domain that serves a device: what is checked of a device of this host is not checked of that. */
  | 'backend-domain';

/** One resource that a definition names. */
export interface Reach {
  readonly kind: ReachKind;
  /** Name or path of the resource. */
  readonly value: string;
  /** The part of the definition that names it: `disk xvda`. */
  readonly of: string;
  /** A disk image of a format that can name further files. */
  readonly isImage?: boolean;
}

/** Everything of its host that a definition names, in its order. */
export function hostReach(definition: Definition): Reach[] {
  const { os, emulator, deviceModelArgs, devices } = definition;
  const named = (kind: ReachKind, value: string | undefined, of: string): Reach[] =>
    value === undefined ? [] : [{ kind, value, of }];
  return [
    ...named('kernel', os.kernel, 'the kernel'),
    ...named('kernel', os.initrd, 'the ramdisk'),
    // The file of `rom` is ignored: Xen has its own.
    ...named('kernel', os.loader?.type === 'rom' ? undefined : os.loader?.path, 'the firmware'),
    ...named('path', os.nvram, "the firmware's variables"),
    ...named('kernel', os.acpiTables?.path, 'the ACPI table'),
    ...named('bootloader', os.bootloader, 'the bootloader'),
    ...os.bootloaderArgs.flatMap((arg) => named('bootloader-args', arg, 'the bootloader')),
    ...named('emulator', emulator, 'the device model'),
    ...deviceModelArgs.flatMap((arg) => named('device-model-args', arg, 'the device model')),
    ...devices.flatMap((device) => [...reachOf(device), ...optionsReach(device)]),
  ];
}

/** The device model's options are separated by commas in one text: a comma in a name starts another option. */
function withoutCommas(of: string, ...texts: readonly (string | undefined)[]): Reach[] {
  return texts.flatMap((text) =>
    text?.includes(',') === true ? [{ kind: 'device-model-args', value: text, of }] : [],
  );
}

/** Of interfaces, bridges and VLANs; Open vSwitch has lists of VLANs, as in `br0.10:20,30`. */
const NETWORK_NAME = /^\w[\w.:@,=/-]*$/;

/**
 * Scripts of network cards pass these names to programs that run as root: a space starts another argument, a dash an
 * option.
 */
function plainNames(of: string, ...names: readonly (string | undefined)[]): Reach[] {
  return names.flatMap((name) =>
    name === undefined || NETWORK_NAME.test(name) ? [] : [{ kind: 'network-device', value: name, of }],
  );
}

/** Resources that a device's `<xl:options>` name. */
function optionsReach({ kind, xl }: Device): Reach[] {
  if (xl === undefined) return [];
  const of = `a ${kind}`;
  const { script, backend_domname: backend, gatewaydev, vlan } = xl as Readonly<Record<string, string | undefined>>;
  return [
    ...(script === undefined ? [] : [{ kind: 'script' as const, value: script, of }]),
    ...backendReach(otherBackend(backend), of),
    ...(gatewaydev === undefined ? [] : [{ kind: 'network-device' as const, value: gatewaydev, of }]),
    ...plainNames(of, vlan),
    ...withoutCommas(of, gatewaydev),
  ];
}

function reachOf(device: Device): Reach[] {
  switch (device.kind) {
    case 'disk':
      return diskReach(device);
    case 'interface': {
      const { script, backendDomain, model, ifname, source } = device;
      const of = `network card ${device.mac ?? ''}`.trim();
      return [
        ...(script === undefined ? [] : [{ kind: 'script' as const, value: script, of }]),
        ...backendReach(backendDomain, of),
        ...plainNames(of, ifname, source.type === 'bridge' ? source.bridge : undefined),
        ...withoutCommas(of, model, ifname, source.type === 'bridge' ? source.bridge : undefined),
      ];
    }
    case 'serial':
    case 'parallel':
    case 'console':
      return characterReach(device.source, `${device.kind} ${device.port ?? 0}`);
    case 'channel':
      return characterReach(device.source, `channel ${device.name ?? ''}`.trim());
    case 'graphics':
      return graphicsReach(device);
    case 'hostdev': {
      if (device.type === 'pci') {
        const { domain, bus, slot, function: func } = device.address;
        const value = `${plainHex(domain, 4)}:${plainHex(bus, 2)}:${plainHex(slot, 2)}.${func}`;
        return [{ kind: 'pci', value, of: 'a device of the host' }];
      }
      const { identity } = device;
      const value =
        identity.by === 'address'
          ? `${identity.bus}.${identity.device}`
          : `${plainHex(identity.vendor, 4)}:${plainHex(identity.product, 4)}`;
      return [{ kind: 'usb', value, of: 'a device of the host' }];
    }
    case 'video':
    case 'input':
    case 'sound':
    case 'controller':
    case 'memballoon':
    // An opaque device is not passed to the toolstack.
    case 'opaque':
      return [];
  }
}

const plainHex = (value: number, digits: number): string => hex(value, digits).replace(/^0x/, '');

function backendReach(name: string | undefined, of: string): Reach[] {
  return name === undefined ? [] : [{ kind: 'backend-domain', value: name, of }];
}

function diskReach({ source, target, format, backendDomain }: Disk): Reach[] {
  const of = `disk ${target}`;
  const backend = backendReach(backendDomain, of);
  switch (source.type) {
    case 'file':
    case 'block':
      if (source.path === undefined) return backend;
      // In another domain it is another file; that domain needs a permission of its own.
      return backendDomain === undefined
        ? [{ kind: 'path', value: source.path, of, isImage: format !== 'raw' }, ...withoutCommas(of, source.path)]
        : backend;
    case 'volume':
      return [{ kind: 'network-disk', value: `volume:${source.pool}/${source.volume}`, of }, ...backend];
    case 'network': {
      const { protocol, name, configFile } = source;
      return [
        { kind: 'network-disk', value: `${protocol}:${name}`, of },
        ...(configFile === undefined ? [] : [{ kind: 'path' as const, value: configFile, of }]),
        ...backend,
      ];
    }
  }
}

function characterReach(source: CharacterSource, of: string): Reach[] {
  switch (source.type) {
    case 'null':
    case 'stdio':
    case 'vc':
    // The host has chosen its path.
    case 'pty':
      return [];
    case 'file':
    case 'pipe':
    case 'dev':
      return [{ kind: 'path', value: source.path, of }, ...withoutCommas(of, source.path)];
    case 'unix':
      return source.path === undefined
        ? []
        : [{ kind: 'path', value: source.path, of }, ...withoutCommas(of, source.path)];
    case 'tcp':
      return [{ kind: source.mode === 'bind' ? 'listen' : 'connect', value: endpointText(source.at), of }];
    case 'udp':
      return [
        ...(source.bind === undefined ? [] : [{ kind: 'listen' as const, value: endpointText(source.bind), of }]),
        ...(source.connect === undefined
          ? []
          : [{ kind: 'connect' as const, value: endpointText(source.connect), of }]),
      ];
  }
}

/** The host only: rules do not cover ports. */
function endpointText({ host }: Endpoint): string {
  return host === undefined || host === '' ? '0.0.0.0' : host;
}

/** libxl's default address of a display. */
const LOOPBACK = '127.0.0.1';

function graphicsReach(screen: Graphics): Reach[] {
  const of = `${screen.type} screen`;
  if (screen.type === 'sdl') return [{ kind: 'sdl', value: screen.display ?? ':0', of }];
  const { listen, keymap, password } = screen;
  const address = listen.type === 'address' ? (listen.address ?? LOOPBACK) : undefined;
  return [
    ...(address === undefined ? [] : [{ kind: 'listen' as const, value: address, of }]),
    ...(listen.type === 'network' ? [{ kind: 'listen' as const, value: listen.network, of }] : []),
    ...withoutCommas(of, keymap, screen.type === 'spice' ? password : undefined),
  ];
}
