import type { Journal } from '../journal/journal.js';
import { openMigrations } from '../journal/open-migrations.js';
import type { Toolstack } from '../toolstack/toolstack.js';

/** What is asked whether a guest is on this host. */
export interface PresenceSources {
  readonly toolstack: Pick<Toolstack, 'lookup'>;
  readonly journal: Pick<Journal, 'list'>;
}

/** Whether a guest is here, or may come to be here again. */
export async function isHere(
  { toolstack, journal }: PresenceSources,
  uuid: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const info = await toolstack.lookup(uuid, signal);
  return info?.uuid === uuid || openMigrations(journal.list()).some(({ header }) => header.uuid === uuid);
}
