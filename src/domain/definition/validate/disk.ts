import type { DeviceBase } from '../devices/base.js';
import type { Device } from '../devices/device.js';
import type { Disk, DiskDriverName, DiskFormat } from '../devices/disk.js';
import type { Definition } from '../model.js';
import { Problems } from './problem.js';

/** Formats that each driver reads (facts 3.2). */
const FORMATS_OF: Readonly<Record<DiskDriverName, readonly DiskFormat[]>> = {
  phy: ['raw'],
  file: ['raw'],
  qemu: ['raw', 'qcow', 'qcow2', 'qed', 'vhd'],
  tap: ['raw', 'qcow', 'qcow2', 'qed', 'vhd'],
  tap2: ['raw', 'qcow', 'qcow2', 'qed', 'vhd'],
};

/** Xen's names of virtual block devices: xen-vbd-interface(7). */
const TARGET = /^(?:(?:xvd|sd)[a-z]{1,3}|hd[a-d]|fd[ab])(?:[1-9]\d{0,2})?$|^d\d{1,6}(?:p\d{1,3})?$/;

type AnyDisk = Disk & Partial<Pick<DeviceBase, 'xl'>>;

function checkSource(disk: AnyDisk, problems: Problems): void {
  const { source } = disk;
  switch (source.type) {
    case 'volume':
      problems.unsupported('source', 'storage pools are not supported', 'Name the file or device of the volume.');
      return;
    case 'network':
      if (source.protocol !== 'rbd') {
        problems.unsupported(
          'source/@protocol',
          `'${source.protocol}' is not rbd`,
          'Only rbd disks come from the network.',
        );
      }
      if (disk.driver !== undefined && disk.driver !== 'qemu') {
        problems.unsupported('driver/@name', `a network disk needs 'qemu', not '${disk.driver}'`, "Use name='qemu'.");
      }
      return;
    case 'file':
    case 'block':
      if (source.path === undefined) {
        if (disk.device !== 'cdrom' && disk.device !== 'floppy') {
          problems.invalid('source', 'is missing', 'Name the file or device of the disk.');
        }
      } else if ((!source.path.startsWith('/') && disk.xl?.script === undefined) || source.path.includes('\n')) {
        problems.invalid(
          'source',
          `${JSON.stringify(source.path)} is not an absolute path`,
          'Use a path from the root.',
        );
      }
  }
}

/** Checks a disk. @param path path of its element, for messages */
export function validateDisk(disk: AnyDisk, definition: Definition, others: readonly Device[], path: string): Problems {
  const problems = new Problems(path);
  const { driver, format } = disk;
  checkSource(disk, problems);
  if (disk.device === 'lun') {
    problems.unsupported('@device', "SCSI pass-through ('lun') is not possible", "Use device='disk'.");
  }
  if (disk.transient) {
    problems.unsupported(
      'transient',
      'disks that discard their changes are not possible',
      'Use a snapshot of the image.',
    );
  }
  if (driver !== undefined && format !== undefined && !FORMATS_OF[driver].includes(format)) {
    problems.unsupported('driver', `'${driver}' does not read '${format}'`, "Use name='qemu', or leave the name out.");
  }
  if (!TARGET.test(disk.target)) {
    problems.invalid(
      'target/@dev',
      `${JSON.stringify(disk.target)} is not a disk name`,
      'Use a name such as xvda or hdc.',
    );
  }
  if (definition.type !== 'hvm' && disk.device === 'floppy') {
    problems.unsupported('@device', `a ${definition.type} guest has no floppy drive`, "Use device='disk'.");
  }
  if (disk.bus === 'virtio' || disk.bus === 'usb' || disk.bus === 'sata') {
    problems.unsupported('target/@bus', `'${disk.bus}' is not a bus of Xen guests`, 'Use xen, ide or scsi.');
  }
  if (others.some((other) => other.kind === 'disk' && other.target === disk.target)) {
    problems.invalid('target/@dev', `target ${disk.target} already exists`, 'Give each disk a name of its own.');
  }
  return problems;
}
