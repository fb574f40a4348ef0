import { configOf } from '../../api/process/config.js';
import { destinationOf } from '../../api/process/dialing.js';
import { UsageError } from '../../api/errors.js';
import type { Host } from '../../api/internal/host.js';
import { MAX_LEVEL, MIN_LEVEL } from '../../api/internal/limits.js';
import type { Compression, CopyTimeout, Migrated, MigrateOptions as Migration } from '../../api/migration.js';
import { checkMigration, isLevel, migrateWith } from '../../api/process/migrate-with.js';
import type { LinkThreads } from '../../api/internal/receiving.js';
import { reachOptionsOf } from '../dialing-options.js';
import { settingsOf } from '../dialing.js';
import { openHost } from '../open.js';
import type { MigrateOptions, MigrateSession } from './options.js';

/** Moves a domain of the host that the options name. @throws as `migrate` does; UsageError where an option is wrong */
export async function migrateHere(options: MigrateOptions, session: MigrateSession): Promise<Migrated> {
  checkOptions(options);
  await using host = await openHost(options);
  return await migrateOnHost(host, options, session);
}

/**
 * Moves a domain of an open host, which the caller keeps. The options' deadlines take precedence over the host's.
 * @param threads of the holder's, for the lanes
 */
export async function migrateOnHost(
  host: Host,
  options: MigrateOptions,
  session: MigrateSession,
  threads?: LinkThreads,
): Promise<Migrated> {
  checkOptions(options);
  const migration: Migration = {
    ...migrationOf(options),
    askPassphrase: session.askPassphrase,
    signal: session.cancel,
    abandonSignal: session.abandon,
    onProgress: session.onProgress,
    onNotice: session.onNotice,
  };
  return await migrateWith(host, settingsOf(options, session), migration, threads);
}

/** Checks the options alone. @throws UsageError */
export function checkOptions(options: MigrateOptions): void {
  checkMigration(migrationOf(options), flagOf);
  destinationOf({ config: configOf(options) }, options.desturi);
}

/** Options of the API that have another name on the command line. */
const FLAGS: Readonly<Partial<Record<string, string>>> = {
  bandwidthMiBps: '--bandwidth',
  compression: '--compress',
  reconnectTimeoutS: '--reconnect-timeout',
  name: '--dname',
};

/** What a user of the command line calls an option of the API. */
export const flagOf = (field: string): string => FLAGS[field] ?? `--${field}`;

/** The options as the API takes them. @throws UsageError */
export function migrationOf(options: MigrateOptions): Migration {
  return {
    domain: options.domain,
    destination: options.desturi,
    live: options.live,
    suspend: options.suspend,
    name: options.dname,
    persistent: options.persistent,
    persistentXml: options['persistent-xml'],
    undefineSource: options.undefinesource,
    xml: options.xml,
    timeout: copyTimeout(options),
    unsafe: options.unsafe,
    lanes: options.lanes,
    bandwidthMiBps: options.bandwidth,
    compression: parseCompression(options.compress),
    reconnectTimeoutS: options['reconnect-timeout'],
    ...reachOptionsOf(options),
  };
}

function copyTimeout(options: MigrateOptions): CopyTimeout | undefined {
  const { timeout: seconds, 'timeout-suspend': suspend, 'timeout-cancel': cancel } = options;
  const bad = (message: string, hint: string): UsageError => new UsageError('E_USAGE_TIMEOUT', message, { hint });
  if (suspend && cancel) throw bad('--timeout-suspend and --timeout-cancel exclude each other', 'Use one of them.');
  if (seconds !== undefined) return { seconds, then: cancel ? 'cancel' : 'suspend' };
  if (!suspend && !cancel) return undefined;
  throw bad(`--timeout-${suspend ? 'suspend' : 'cancel'} without --timeout`, 'Add --timeout SECONDS.');
}

/** @throws UsageError `E_USAGE_COMPRESS` */
export function parseCompression(text: string): Compression {
  if (text === 'auto' || text === 'none') return text;
  const level = /^zstd(?::(-?\d{1,3}))?$/.exec(text)?.[1];
  if (text === 'zstd') return { level: 1 };
  if (level !== undefined && isLevel(Number(level))) return { level: Number(level) };
  throw new UsageError(
    'E_USAGE_COMPRESS',
    `--compress ${text}: auto, none, zstd or zstd:LEVEL with a level from ${MIN_LEVEL} to ${MAX_LEVEL}, not 0, is needed`,
  );
}
