import { access } from 'node:fs/promises';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import { readDefinition } from '../../domain/definition/read.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';
import type { HostInfo } from '../../toolstack/toolstack.js';

/**
 * Disks of a guest whose files or devices this host lacks: target and path of each. Disks that another domain serves
 * are not checked.
 */
export async function missingDisks(domain: Domain): Promise<string[]> {
  const { definition } = readDefinition(domain, { lenient: true });
  const missing: string[] = [];
  for (const device of definition.devices) {
    if (device.kind === 'disk' && !(await isHere(device))) missing.push(diskText(device));
  }
  return missing;
}

async function isHere({ source, backendDomain, xl }: Disk & Pick<Device, 'xl'>): Promise<boolean> {
  if (backendDomain !== undefined || (source.type !== 'file' && source.type !== 'block')) return true;
  // The argument of a block script is not a path: only the script can resolve it.
  if (source.path === undefined || xl?.script !== undefined) return true;
  return await access(source.path).then(
    () => true,
    () => false,
  );
}

function diskText({ target, source }: Disk): string {
  return `${target} (${(source.type === 'file' || source.type === 'block' ? source.path : undefined) ?? source.type})`;
}

/**
 * Checks one disk that a domain is about to get; a simulated host has no disks. @throws RefusedError
 * `E_REFUSED_DISK_MISSING`
 */
export async function refuseMissingDisk(
  { toolstack }: Pick<HostInfo, 'toolstack'>,
  name: string,
  disk: Disk,
): Promise<void> {
  if (toolstack !== 'libxl' || (await isHere(disk))) return;
  throw new RefusedError('E_REFUSED_DISK_MISSING', `disk ${diskText(disk)} for ${name} does not exist on this host`, {
    hint: 'Correct the path, or create the file first.',
    data: { missing: [diskText(disk)] },
  });
}

/** Checks all disks of a domain. @throws RefusedError `E_REFUSED_DISK_MISSING` */
export async function refuseMissingDisks(domain: Domain): Promise<void> {
  const missing = await missingDisks(domain);
  if (missing.length === 0) return;
  throw new RefusedError(
    'E_REFUSED_DISK_MISSING',
    `disks of ${domain.name} do not exist on this host: ${missing.join(', ')}`,
    {
      hint: 'Share the storage with this host, name other sources with --xml, or add --unsafe if they will exist in time.',
      data: { missing },
    },
  );
}
