import type { Device } from '../../domain/definition/devices/device.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import { deviceText, isSameDevice, type Pluggable } from '../../domain/definition/pluggable.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import { ToolstackError } from '../../errors/errors.js';
import { changeConfig, readConfig } from './domain-config.js';
import { requireBuilt } from './domain-record.js';
import { failIfTold, takeFaults } from './faults.js';
import type { LockedDomain } from './locked-domain.js';

/** Attaches a device, which a simulated guest accepts at once. @throws ToolstackError `E_TOOLSTACK_DEVICE_EXISTS` */
export async function attachDevice(domain: LockedDomain, device: Pluggable, signal?: AbortSignal): Promise<void> {
  const { record } = domain;
  requireBuilt(record);
  await failIfTold(domain.host, readConfig(domain.folder).domain, 'attach-fails', signal);
  changeDevices(domain, (devices) => {
    if (devices.some((other) => isSameDevice(other, device))) {
      throw new ToolstackError(
        'E_TOOLSTACK_DEVICE_EXISTS',
        `domain ${record.domid} (${record.name}) has ${deviceText(device)} already`,
        { hint: 'Detach that one first.', data: { domid: record.domid } },
      );
    }
    return [...devices, device];
  });
  await failIfTold(domain.host, readConfig(domain.folder).domain, 'attach-breaks', signal);
}

/**
 * Detaches a device. @throws ToolstackError `E_TOOLSTACK_NOTFOUND`; `E_TOOLSTACK_TIMEDOUT` with the fault `keep-disks`
 */
export async function detachDevice(
  domain: LockedDomain,
  device: Pluggable,
  force: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { record, folder, host } = domain;
  requireBuilt(record);
  const config = readConfig(folder).domain;
  await failIfTold(host, config, 'detach-fails', signal);
  const { devices } = readDefinition(config, { lenient: true }).definition;
  findDevice(domain, devices, device);
  if (device.kind === 'disk' && !force && (await takeFaults(host, config, ['keep-disks'], signal)).has('keep-disks')) {
    throw new ToolstackError('E_TOOLSTACK_TIMEDOUT', `domain ${record.domid} (${record.name}) uses its disk`, {
      data: { domid: record.domid },
    });
  }
  changeDevices(domain, (all) => all.filter((other) => !isSameDevice(other, device)));
}

/** Changes the medium of a drive. @throws ToolstackError `E_TOOLSTACK_NOTFOUND` */
export function changeMedium(domain: LockedDomain, drive: Disk): void {
  requireBuilt(domain.record);
  changeDevices(domain, (devices) => {
    const found = findDevice(domain, devices, { ...drive, alias: undefined, guestAddress: undefined, extra: [] });
    return devices.map((other) => (other === found ? { ...other, ...drive } : other));
  });
}

function findDevice({ record }: LockedDomain, devices: readonly Device[], device: Device): Device {
  const found = devices.find((other) => isSameDevice(other, device));
  if (found !== undefined) return found;
  throw new ToolstackError('E_TOOLSTACK_NOTFOUND', `${deviceText(device)} not found in domain ${record.domid}`, {
    hint: '`xenferry dumpxml` shows its devices.',
    data: { domid: record.domid, device: deviceText(device) },
  });
}

function changeDevices(domain: LockedDomain, edit: (devices: readonly Device[]) => readonly Device[]): void {
  const config = readConfig(domain.folder);
  const { definition } = readDefinition(config.domain, { lenient: true });
  changeConfig(domain.folder, toDomain({ ...definition, devices: edit(definition.devices) }));
}

/**
 * The domain with the backend of each disk that its definition leaves to the toolstack (S47): libxl chooses blkback for
 * block devices and the device model for the rest.
 */
export function withChosenDrivers(domain: Domain): Domain {
  const { definition } = readDefinition(domain, { lenient: true });
  const isLeft = (device: Device): device is Extract<Device, { kind: 'disk' }> =>
    device.kind === 'disk' && device.driver === undefined && pathOf(device) !== undefined;
  if (!definition.devices.some(isLeft)) return domain;
  const devices = definition.devices.map((device) =>
    isLeft(device)
      ? { ...device, driver: device.source.type === 'block' ? ('phy' as const) : ('qemu' as const) }
      : device,
  );
  return toDomain({ ...definition, devices });
}

function pathOf({ source }: Disk): string | undefined {
  return source.type === 'file' || source.type === 'block' ? source.path : undefined;
}
