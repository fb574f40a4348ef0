import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError } from '../../errors/errors.js';
import { makeFolder } from '../../posix/folder.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { writeCore } from '../saving/core-dump.js';

/**
 * Most cores of one domain that are kept: a guest that crashes in a loop must not fill the disk, and the operator
 * decides which to remove.
 */
const MAX_CORES = 5;

/**
 * Writes the memory of a guest that has crashed to `dump/NAME-YYYY-MM-DD-HH:MM:SS` in the state folder, mode 0600
 * (facts 3.8).
 * @returns the file
 * @throws RefusedError `E_REFUSED_CORES` if there are that many already; ToolstackError; the system's error
 */
export async function keepCore(host: Host, info: DomainInfo, signal: AbortSignal, now = new Date()): Promise<string> {
  const dir = join(host.stateDir, 'dump');
  makeFolder(dir);
  const prefix = `${info.name.replaceAll('/', '_')}-`;
  const time = now.toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length).replace('T', '-');
  const kept = readdirSync(dir).filter(
    (file) => file.startsWith(prefix) && /^[\d:-]{19}$/.test(file.slice(prefix.length)),
  );
  if (kept.length >= MAX_CORES) {
    throw new RefusedError('E_REFUSED_CORES', `${kept.length} cores of ${info.name} are in ${dir} already`, {
      hint: 'Move or remove those that are not needed any more.',
    });
  }
  const path = join(dir, prefix + time);
  await writeCore(host, info, path, signal);
  return path;
}
