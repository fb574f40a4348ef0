import type { Channel } from '../definition/devices/character.js';
import type { UsbController } from '../definition/devices/controller.js';
import { plainDevice, type Device } from '../definition/devices/device.js';
import type { PciHostdev, UsbHostdev } from '../definition/devices/hostdev.js';
import { notMapped } from '../native/not-mapped.js';
import { optionsFromJson, optionsToJson } from './device-options.js';
import { given, type JsonObject } from './json.js';
import type { ReadOf } from './schema.js';

/* libxl_device_pci, libxl_device_usbctrl, libxl_device_usbdev and libxl_device_channel. */

/** libxl_device_pci of a PCI device. */
export function pciToJson({ address, managed, writeFiltering, xl }: PciHostdev & Pick<Device, 'xl'>): JsonObject {
  return given({
    domain: address.domain,
    bus: address.bus,
    dev: address.slot,
    func: address.function,
    permissive: writeFiltering === undefined ? undefined : !writeFiltering,
    // Unbinds the device from the host's driver.
    seize: managed ? true : undefined,
    ...optionsToJson('pci', xl),
  });
}

/** The PCI device of a libxl_device_pci. */
export function pciFromJson(pci: ReadOf<'pcidevs'>): Device {
  const body = plainDevice({
    kind: 'hostdev' as const,
    type: 'pci' as const,
    address: { domain: pci.domain, bus: pci.bus, slot: pci.dev, function: pci.func },
    managed: pci.seize,
    writeFiltering: pci.permissive ? false : undefined,
  });
  return { ...body, ...optionsFromJson('pci', pci) };
}

const USB_VERSIONS: Readonly<Record<string, number | undefined>> = { qusb1: 1, qusb2: 2 };

/** libxl_device_usbctrl of a USB controller. */
export function usbControllerToJson({ index, model, ports }: UsbController): JsonObject {
  const version = USB_VERSIONS[model ?? 'qusb2'];
  if (version === undefined) throw notMapped(`USB controller '${model ?? ''}'`, "Use 'qusb1' or 'qusb2'.");
  return given({ type: 'qusb', devid: index, version, ports });
}

/** The USB controller of a libxl_device_usbctrl. @param index its index in the list */
export function usbControllerFromJson({ type, devid, version, ports }: ReadOf<'usbctrls'>, index: number): Device[] {
  // A controller of the device model has no form in domain XML for Xen.
  if (type === 'devicemodel' || version === 3) return [];
  return [
    plainDevice({
      kind: 'controller',
      type: 'usb',
      index: devid < 0 ? index : devid,
      model: version === 1 ? 'qusb1' : version === 2 ? 'qusb2' : undefined,
      ports: ports === 0 ? undefined : ports,
    }),
  ];
}

/**
 * libxl_device_usbdev of a USB device. @throws RefusedError `E_REFUSED_NOT_MAPPED` for a device without a place on the
 * host
 */
export function usbDeviceToJson({ identity, guestAddress }: UsbHostdev & Pick<Device, 'guestAddress'>): JsonObject {
  if (identity.by === 'product') {
    throw notMapped(
      'a USB device by vendor and product',
      "Name its place on the host: <source><address bus='…' device='…'/></source>; lsusb shows it.",
    );
  }
  const place = guestAddress?.type === 'usb' && /^\d{1,3}$/.test(guestAddress.port) ? guestAddress : undefined;
  return given({
    ctrl: place?.bus,
    port: place === undefined ? undefined : Number(place.port),
    'type.hostdev': { hostbus: identity.bus, hostaddr: identity.device },
  });
}

/** The USB device of a libxl_device_usbdev; empty if domain XML has no form for it. */
export function usbDeviceFromJson(device: ReadOf<'usbdevs'>): Device[] {
  const host = device['type.hostdev'];
  if (host === undefined) return [];
  const hostdev = plainDevice({
    kind: 'hostdev' as const,
    type: 'usb' as const,
    identity: { by: 'address' as const, bus: host.hostbus, device: host.hostaddr },
    managed: false,
  });
  if (device.ctrl < 0 || device.port === 0) return [hostdev];
  return [{ ...hostdev, guestAddress: { type: 'usb', bus: device.ctrl, port: String(device.port) } }];
}

/** libxl_device_channel of a channel. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function channelToJson(channel: Channel & Pick<Device, 'xl'>, devid: number): JsonObject {
  const { name, source } = channel;
  if (channel.targetType !== 'xen' || name === undefined) throw notMapped('a channel without a name', 'Name it.');
  const options = optionsToJson('channel', channel.xl);
  if (source.type === 'pty') return { devid, name, ...options, 'connection.pty': {} };
  if (source.type === 'unix' && source.mode === 'bind') {
    return { devid, name, ...options, 'connection.socket': given({ path: source.path }) };
  }
  throw notMapped(`channel ${name} of type '${source.type}'`, "Use 'pty', or 'unix' with mode='bind'.");
}

/** The channel of a libxl_device_channel; empty if domain XML has no form for it. */
export function channelFromJson(channel: ReadOf<'channels'>): Device[] {
  const socket = channel['connection.socket'];
  if (channel.name === undefined || (socket === undefined && channel['connection.pty'] === undefined)) return [];
  const body = plainDevice({
    kind: 'channel' as const,
    source:
      socket === undefined
        ? { type: 'pty' as const, path: undefined }
        : { type: 'unix' as const, mode: 'bind' as const, path: socket.path },
    targetType: 'xen' as const,
    name: channel.name,
  });
  return [{ ...body, ...optionsFromJson('channel', channel) }];
}
