import type { Journal } from '../journal/journal.js';
import { openMigrations } from '../journal/open-migrations.js';
import type { Toolstack } from '../toolstack/toolstack.js';

/** Sources of information about a guest's presence on this host. */
export interface PresenceSources {
  readonly toolstack: Pick<Toolstack, 'lookup'>;
  readonly journal: Pick<Journal, 'list'>;
}

/** Whether a guest is here, or may be resumed here. */
export async function isHere(
  { toolstack, journal }: PresenceSources,
  uuid: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const info = await toolstack.lookup(uuid, signal);
  return info?.uuid === uuid || openMigrations(journal.list()).some(({ header }) => header.uuid === uuid);
}
