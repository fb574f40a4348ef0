import { access } from 'node:fs/promises';
import { readDefinition } from '../../domain/definition/read.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';

/** Disks of a guest whose files or devices this host has not got: target and path of each. Disks that another domain serves are not looked at. */
export async function missingDisks(domain: Domain): Promise<string[]> {
  const { definition } = readDefinition(domain, { lenient: true });
  const missing: string[] = [];
  for (const device of definition.devices) {
    if (device.kind !== 'disk' || device.backendDomain !== undefined) continue;
    if (device.source.type !== 'file' && device.source.type !== 'block') continue;
    const { path } = device.source;
    if (path === undefined) continue;
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (!there) missing.push(`${device.target} (${path})`);
  }
  return missing;
}

/** @throws RefusedError `E_REFUSED_DISK_MISSING` */
export async function refuseMissingDisks(domain: Domain): Promise<void> {
  const missing = await missingDisks(domain);
  if (missing.length === 0) return;
  throw new RefusedError('E_REFUSED_DISK_MISSING', `disks of ${domain.name} are not here: ${missing.join(', ')}`, {
    hint: 'Share the storage with this host, name other sources with --xml, or say --unsafe if they come to be there.',
    data: { missing },
  });
}
