import type { UsbController } from './devices/controller.js';
import type { Device } from './devices/device.js';
import type { DeviceBase } from './devices/base.js';
import type { Disk } from './devices/disk.js';
import type { UsbHostdev } from './devices/hostdev.js';
import type { Interface } from './devices/interface.js';

/** A device that can be hot plugged and unplugged. */
export type Pluggable = (Disk | Interface | UsbController | UsbHostdev) & DeviceBase;

/** Whether a device can be hot plugged and unplugged. */
export function isPluggable(device: Device): device is Pluggable {
  switch (device.kind) {
    case 'disk':
    case 'interface':
      return true;
    case 'controller':
    case 'hostdev':
      return device.type === 'usb';
    default:
      return false;
  }
}

/** Whether both are the same device of a domain: their identities match, whatever their other settings. */
export function isSameDevice(one: Device, other: Device): boolean {
  if (one.kind === 'disk') return other.kind === 'disk' && other.target === one.target;
  if (one.kind === 'interface') {
    return other.kind === 'interface' && one.mac !== undefined && other.mac === one.mac;
  }
  if (one.kind === 'controller') {
    return other.kind === 'controller' && other.type === one.type && other.index === one.index;
  }
  if (one.kind !== 'hostdev' || other.kind !== 'hostdev') return false;
  if (one.type === 'usb') {
    return other.type === 'usb' && JSON.stringify(other.identity) === JSON.stringify(one.identity);
  }
  return other.type === 'pci' && JSON.stringify(other.address) === JSON.stringify(one.address);
}

/** A device as text, for messages. */
export function deviceText(device: Device): string {
  switch (device.kind) {
    case 'disk':
      return `disk ${device.target}`;
    case 'interface':
      return device.mac === undefined ? 'network card' : `network card ${device.mac}`;
    case 'controller':
      return `controller ${device.type}${device.index === undefined ? '' : `:${device.index}`}`;
    case 'hostdev': {
      if (device.type === 'pci') return 'PCI device of the host';
      const { identity } = device;
      // As libvirt numbers them in its messages (S14).
      if (identity.by === 'address') return `host USB device Busnum: ${identity.bus}, Devnum: ${identity.device}`;
      const hex = (value: number): string => value.toString(16).padStart(4, '0');
      return `host USB device ${hex(identity.vendor)}:${hex(identity.product)}`;
    }
    case 'opaque':
      return `<${device.element.name}>`;
    default:
      return device.kind;
  }
}
