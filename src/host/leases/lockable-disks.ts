import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, normalize } from 'node:path';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import { readDefinition } from '../../domain/definition/read.js';
import type { Domain } from '../../domain/model.js';
import type { LeaseMode } from './lease-record.js';

/** A disk that a guest may write to. */
export interface LockableDisk {
  /** The same on every host, if the disk has the same name there. */
  readonly key: string;
  /** For people. */
  readonly disk: string;
  readonly mode: LeaseMode;
}

/** Device numbers differ between hosts: the target of a name below means nothing to another host. */
const DEVICES = '/dev/';

/**
 * The disks for which a domain needs leases, each once, in a fixed order. Read-only disks need none, nor do empty
 * drives, nor disks that another domain serves: there the same path is another disk.
 */
export async function lockableDisks(domain: Domain): Promise<LockableDisk[]> {
  const { definition } = readDefinition(domain, { lenient: true });
  const found = new Map<string, LockableDisk>();
  for (const device of definition.devices) {
    const disk = device.kind === 'disk' ? await lockableDisk(device) : undefined;
    if (disk !== undefined && found.get(disk.key)?.mode !== 'exclusive') found.set(disk.key, disk);
  }
  return [...found.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** One disk that a domain needs a lease of; undefined if it needs none. */
export async function lockableDisk(device: Disk & Pick<Device, 'xl'>): Promise<LockableDisk | undefined> {
  const disk = isWritten(device) ? await nameOf(device) : undefined;
  if (disk === undefined) return undefined;
  const key = createHash('sha256').update(disk).digest('hex');
  return { key, disk, mode: device.shareable ? 'shared' : 'exclusive' };
}

function isWritten(disk: Disk): boolean {
  return !disk.readonly && disk.device !== 'cdrom' && disk.backendDomain === undefined && !disk.transient;
}

async function nameOf({ source, xl }: Disk & Pick<Device, 'xl'>): Promise<string | undefined> {
  // The argument of a block script identifies the disk, and is not a path of this host.
  if (xl?.script !== undefined && 'path' in source) return `${basename(xl.script)}:${source.path ?? ''}`;
  switch (source.type) {
    case 'file':
    case 'block':
      return source.path === undefined ? undefined : pathOf(source.path);
    case 'volume':
      return `volume:${source.pool}/${source.volume}`;
    case 'network':
      return `${source.protocol}:${source.name}`;
  }
}

/** Files are compared after resolving links; devices by their name in the definition. */
async function pathOf(path: string): Promise<string> {
  const plain = normalize(path);
  if (plain.startsWith(DEVICES)) return plain;
  const real = await realpath(plain).catch(() => plain); // the file does not exist (yet), so there is no link to resolve
  return real.startsWith(DEVICES) ? plain : real;
}
