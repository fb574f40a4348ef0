import type { Migrated } from '../migration/migrate.js';
import type { Host } from './options/host.js';
import type { MigrateOptions } from './options/migrate.js';
import { settingsOf } from './process/dialing.js';
import { localHost } from './process/local-host.js';
import { migrateWith } from './process/migrate-with.js';

export type { Downtime } from '../source/downtime.js';
export type { Migrated };
export type { Compression, CopyTimeout, MigrateOptions, ReachOptions, TransferOptions } from './options/migrate.js';

/**
 * Moves a domain of the host to another host, in this process. Resolves when the guest is at the destination.
 * @throws MigrationError that states where the guest is; RefusedError if nothing was changed; UsageError for invalid options
 */
export async function migrate(host: Host, options: MigrateOptions): Promise<Migrated> {
  const driver = localHost(host);
  return await migrateWith(driver, settingsOf(driver), options);
}
