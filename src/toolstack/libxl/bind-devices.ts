import type { PlugKind } from '../../domain/libxl-json/plug.js';
import { withHow } from './bind-operations.js';
import { onThread, type Library } from './foreign.js';
import type { Address, LibxlNative, OperationTag } from './native.js';
import { bindLate } from './optional-calls.js';

type Devices = Pick<
  LibxlNative,
  'diskByVdev' | 'nicByMac' | 'addDevice' | 'removeDevice' | 'safeRemoveDisk' | 'insertMedium'
>;

/** A call that takes a domain, a device and an asyncop_how. */
type DeviceCall = (...args: [ctx: Address, domid: number, device: Address, how: Address]) => Promise<number>;
type Lookup = (...args: [ctx: Address, domid: number, name: string, device: Address]) => number;

/** Calls that attach and detach devices of a running domain, or look them up (libxl.h). */
export function bindDevices(libxl: Library, ctx: Address): Devices {
  const deviceCall = (name: string): DeviceCall =>
    bindLate(
      () => onThread(libxl.func(`int ${name}(void *ctx, uint32_t domid, void *device, void *how)`)) as DeviceCall,
    );
  const lookup = (name: string): Lookup =>
    bindLate(() => libxl.func(`int ${name}(void *ctx, uint32_t domid, str name, void *device)`) as Lookup);
  const calls = (verb: 'add' | 'remove'): Readonly<Record<PlugKind, DeviceCall>> => ({
    disk: deviceCall(`libxl_device_disk_${verb}`),
    nic: deviceCall(`libxl_device_nic_${verb}`),
    usbctrl: deviceCall(`libxl_device_usbctrl_${verb}`),
    usbdev: deviceCall(`libxl_device_usbdev_${verb}`),
  });
  const [add, remove] = [calls('add'), calls('remove')];
  const safeRemove = deviceCall('libxl_device_disk_safe_remove');
  const insert = deviceCall('libxl_cdrom_insert');
  const vdevToDisk = lookup('libxl_vdev_to_device_disk');
  const macToNic = lookup('libxl_mac_to_device_nic');
  const started = (call: DeviceCall, domid: number, device: Address, tag: OperationTag): Promise<number> =>
    withHow(tag, (how) => call(ctx, domid, device, how));
  return {
    diskByVdev: (domid, vdev, disk) => vdevToDisk(ctx, domid, vdev, disk),
    nicByMac: (domid, mac, nic) => macToNic(ctx, domid, mac, nic),
    addDevice: (kind, domid, device, tag) => started(add[kind], domid, device, tag),
    removeDevice: (kind, domid, device, tag) => started(remove[kind], domid, device, tag),
    safeRemoveDisk: (domid, disk, tag) => started(safeRemove, domid, disk, tag),
    insertMedium: (domid, disk, tag) => started(insert, domid, disk, tag),
  };
}
