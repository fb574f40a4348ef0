import { otherBackend } from '../backend-domain.js';
import { plainDevice } from '../definition/devices/device.js';
import type { Disk, DiskDriverName, DiskSource } from '../definition/devices/disk.js';
import { notMapped } from '../native/not-mapped.js';
import { formatRbdText, parseRbdText } from '../native/rbd-text.js';
import type { Device } from '../definition/devices/device.js';
import { optionsFromJson, optionsToJson } from './device-options.js';
import { defbool, given, type JsonObject } from './json.js';
import type { ReadOf } from './schema.js';

/* libxl_device_disk. */

type Backend = 'phy' | 'qdisk' | 'tap' | undefined;

/** The backend of an image, chosen as in libvirt's libxl driver (facts 3.2); undefined: libxl decides. */
function backendOf({ driver, format }: Disk): Backend {
  switch (driver) {
    case 'phy':
      return 'phy';
    case 'file':
    case 'qemu':
      return 'qdisk';
    case 'tap':
    case 'tap2':
      return format === 'vhd' || format === 'raw' || format === undefined ? 'tap' : 'qdisk';
    case undefined:
      return undefined;
  }
}

function pathOf(source: DiskSource): string | undefined {
  switch (source.type) {
    case 'file':
    case 'block':
      return source.path;
    case 'network':
      return formatRbdText(source);
    case 'volume':
      throw notMapped(`volume ${source.volume} of a storage pool`, 'Name the file or device of the volume.');
  }
}

/** libxl_device_disk of a disk. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function diskToJson(disk: Disk & Pick<Device, 'xl'>): JsonObject {
  const path = pathOf(disk.source);
  if (disk.transient) throw notMapped(`<transient/> of disk ${disk.target}`, 'Use a snapshot of the image.');
  const isCdrom = disk.device === 'cdrom';
  if (path === undefined && !isCdrom && disk.device !== 'floppy') {
    throw notMapped(`<disk> ${disk.target} without a source`, 'Name the file or device of the disk.');
  }
  const discard = disk.discard === undefined || disk.readonly ? undefined : disk.discard === 'unmap';
  return given({
    backend_domname: disk.backendDomain,
    pdev_path: path,
    vdev: disk.target,
    backend: path === undefined ? undefined : backendOf(disk),
    format: path === undefined ? 'empty' : (disk.format ?? 'raw'),
    removable: 1,
    readwrite: disk.readonly || isCdrom ? 0 : 1,
    is_cdrom: isCdrom ? 1 : 0,
    discard_enable: defbool(discard),
    ...optionsToJson('disk', disk.xl),
  });
}

const DRIVER_OF: Readonly<Record<ReadOf<'disks'>['backend'], DiskDriverName | undefined>> = {
  unknown: undefined,
  standalone: undefined,
  phy: 'phy',
  qdisk: 'qemu',
  tap: 'tap',
};

function sourceOf(path: string | undefined, backend: ReadOf<'disks'>['backend']): DiskSource {
  const network = path === undefined ? undefined : parseRbdText(path);
  if (network !== undefined) return network;
  return { type: backend === 'phy' || path?.startsWith('/dev/') === true ? 'block' : 'file', path };
}

/** The disk of a libxl_device_disk. */
export function diskFromJson(disk: ReadOf<'disks'>): Device {
  const { format, vdev } = disk;
  const isCdrom = disk.is_cdrom !== 0;
  const path = format === 'empty' ? undefined : disk.pdev_path;
  const body = plainDevice({
    kind: 'disk' as const,
    device: isCdrom ? ('cdrom' as const) : vdev.startsWith('fd') ? ('floppy' as const) : ('disk' as const),
    source: sourceOf(path, disk.script === undefined ? disk.backend : 'phy'),
    driver: path === undefined ? undefined : DRIVER_OF[disk.backend],
    format: format === 'empty' || format === 'unknown' ? undefined : format,
    discard:
      disk.discard_enable === undefined ? undefined : disk.discard_enable ? ('unmap' as const) : ('ignore' as const),
    target: vdev,
    bus: undefined,
    readonly: disk.readwrite === 0,
    shareable: false,
    transient: false,
    backendDomain: otherBackend(disk.backend_domname),
  });
  return { ...body, ...optionsFromJson('disk', disk) };
}
