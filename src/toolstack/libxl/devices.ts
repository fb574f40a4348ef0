import { z } from 'zod';
import { childNamed, element, type XmlElement } from '../../xml/element.js';
import { notMapped } from './not-mapped.js';

/** libxl_device_disk and libxl_device_nic as JSON (libxl_types.idl), as far as domain XML tells of them. */
const diskSchema = z.looseObject({
  pdev_path: z.string().default(''),
  vdev: z.string(),
  format: z.string().default('raw'),
  readwrite: z.int().default(0),
  is_cdrom: z.int().default(0),
});
const nicSchema = z.looseObject({
  mac: z.string().optional(),
  bridge: z.string().optional(),
  script: z.string().optional(),
});

/** Disks and interfaces as domain XML; one that cannot be read is left out: libxl's JSON goes with it. */
export function deviceElements(disks: readonly unknown[], nics: readonly unknown[]): XmlElement[] {
  return [
    ...disks.flatMap((disk) => {
      const parsed = diskSchema.safeParse(disk);
      return parsed.success ? [diskElement(parsed.data)] : [];
    }),
    ...nics.flatMap((nic) => {
      const parsed = nicSchema.safeParse(nic);
      return parsed.success ? [nicElement(parsed.data)] : [];
    }),
  ];
}

function diskElement(disk: z.infer<typeof diskSchema>): XmlElement {
  const isBlock = disk.pdev_path.startsWith('/dev/');
  const source = disk.pdev_path === '' ? [] : [element('source', { [isBlock ? 'dev' : 'file']: disk.pdev_path })];
  return element('disk', { type: isBlock ? 'block' : 'file', device: disk.is_cdrom === 0 ? 'disk' : 'cdrom' }, [
    element('driver', { name: isBlock ? 'phy' : 'qemu', type: disk.format }),
    ...source,
    element('target', { dev: disk.vdev, bus: disk.vdev.startsWith('hd') ? 'ide' : 'xen' }),
    ...(disk.readwrite === 0 ? [element('readonly')] : []),
  ]);
}

function nicElement(nic: z.infer<typeof nicSchema>): XmlElement {
  return element('interface', { type: 'bridge' }, [
    ...(nic.mac === undefined ? [] : [element('mac', { address: nic.mac })]),
    element('source', { bridge: nic.bridge ?? 'xenbr0' }),
  ]);
}

/** What libxl gives every guest, or does without. */
const IMPLICIT = new Set(['emulator', 'console', 'memballoon', 'input']);

export interface JsonDevices {
  readonly disks: Record<string, unknown>[];
  readonly nics: Record<string, unknown>[];
}

/** Disks and interfaces for libxl. @throws RefusedError E_REFUSED_NOT_MAPPED for any other device */
export function devicesOf(elements: readonly XmlElement[]): JsonDevices {
  const disks: Record<string, unknown>[] = [];
  const nics: Record<string, unknown>[] = [];
  for (const device of elements) {
    if (device.name === 'disk') disks.push(jsonDisk(device));
    else if (device.name === 'interface') nics.push(jsonNic(device, nics.length));
    else if (!IMPLICIT.has(device.name)) throw notMapped(`<${device.name}>`);
  }
  return { disks, nics };
}

function attribute(parent: XmlElement, child: string, name: string): string | undefined {
  return childNamed(parent, child)?.attributes.get(name);
}

function jsonDisk(disk: XmlElement): Record<string, unknown> {
  const type = disk.attributes.get('type') ?? 'file';
  const vdev = attribute(disk, 'target', 'dev');
  if ((type !== 'block' && type !== 'file') || vdev === undefined) throw notMapped(`<disk type='${type}'>`);
  const isCdrom = disk.attributes.get('device') === 'cdrom';
  const path = attribute(disk, 'source', type === 'block' ? 'dev' : 'file');
  if (path === undefined && !isCdrom) throw notMapped('<disk> without a source');
  const format = path === undefined ? 'empty' : (attribute(disk, 'driver', 'type') ?? 'raw');
  const isPhy = path !== undefined && format === 'raw' && type === 'block';
  return {
    ...(path === undefined ? {} : { pdev_path: path }),
    vdev,
    format,
    ...(isPhy ? { backend: 'phy' } : {}),
    readwrite: isCdrom || childNamed(disk, 'readonly') !== undefined ? 0 : 1,
    is_cdrom: isCdrom ? 1 : 0,
    removable: 1,
  };
}

function jsonNic(nic: XmlElement, devid: number): Record<string, unknown> {
  const bridge = attribute(nic, 'source', 'bridge');
  if (nic.attributes.get('type') !== 'bridge' || bridge === undefined) {
    throw notMapped(`<interface type='${nic.attributes.get('type') ?? ''}'>`);
  }
  const optional = { mac: attribute(nic, 'mac', 'address'), script: attribute(nic, 'script', 'path') };
  return {
    devid,
    bridge,
    nictype: 'vif',
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}
