export { type Device, plainDevice } from '../../domain/definition/devices/device.js';
export {
  type Disk,
  DISK_DRIVERS,
  DISK_FORMATS,
  type DiskDriverName,
  type DiskFormat,
  type DiskSource,
} from '../../domain/definition/devices/disk.js';
export type { Interface, InterfaceSource, Rate } from '../../domain/definition/devices/interface.js';
export { deviceText } from '../../domain/definition/pluggable.js';
export { parseDeviceXml } from '../../domain/definition/read.js';
export { attachDevice, type DeviceChange } from '../../operations/devices/attach-device.js';
export { detachDevice } from '../../operations/devices/detach-device.js';
export { listCards, listDisks } from '../../operations/devices/list-devices.js';
export { changeMedia, type MediumAction, updateDevice } from '../../operations/devices/update-device.js';
