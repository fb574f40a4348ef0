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
  /** The same on every host, where the disk has the same name there. */
  readonly key: string;
  /** For people. */
  readonly disk: string;
  readonly mode: LeaseMode;
}

/** Every host has numbers of its own there: what a name below leads to says nothing to another host. */
const DEVICES = '/dev/';

/**
 * The disks that a domain needs leases of, each once, in one order for all. Those that it only reads need none, nor do empty
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

/** One disk that a domain needs a lease of; undefined where it needs none. */
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
  // What a block script is given names its disk, and is no path of this host.
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

/** Files are the same by whatever link they are reached; devices go by the name that the definition has. */
async function pathOf(path: string): Promise<string> {
  const plain = normalize(path);
  if (plain.startsWith(DEVICES)) return plain;
  const real = await realpath(plain).catch(() => plain); // not here (yet), so there is nothing that it could be a link to
  return real.startsWith(DEVICES) ? plain : real;
}
