import { openMigrations as openOf } from '../journal/open-migrations.js';
import { journalWord } from '../journal/records.js';
import type { Recovered } from '../migration/recover/recover.js';
import type { Host } from './options/host.js';
import type { RecoverOptions } from './options/recover.js';
import { settingsOf } from './process/dialing.js';
import { localHost } from './process/local-host.js';
import { recoverWith } from './process/recover-with.js';

export type { Recovered, RecoverOptions };

/** A migration that an earlier process has left open, as this host's journal has it. */
export interface OpenMigration {
  readonly migration: string;
  readonly side: 'source' | 'dest';
  readonly domain: string;
  readonly peer: string;
  /** The last state that was recorded; `begun`: none. */
  readonly state: string;
}

/** The migrations of this host that are not settled, on either side. */
export function openMigrations(host: Host): OpenMigration[] {
  return openOf(localHost(host).journal.list()).map(({ header, state }) => ({
    migration: header.migration,
    side: header.side,
    domain: header.name,
    peer: header.peer,
    state: state === undefined ? 'begun' : journalWord(state.state),
  }));
}

/**
 * Settles the open migrations by asking each destination for the outcome. One that cannot be settled now is reported as such,
 * and keeps no other from being settled.
 */
export async function recover(host: Host, options: RecoverOptions = {}): Promise<Recovered[]> {
  return await recoverWith(host, settingsOf(localHost(host)), options);
}
