import process from 'node:process';
import { MAX_LEVEL, MIN_LEVEL } from '../../codec/levels.js';
import { MAX_RECONNECT_MS } from '../../control/messages.js';
import { checkDomainName } from '../../domain/names.js';
import { UsageError } from '../../errors/errors.js';
import type { Host as HostDriver } from '../../host/host.js';
import { openDestination } from '../../migration/connect/open-destination.js';
import { migrate as depart, type Migrated } from '../../migration/migrate.js';
import type { LinkThreads } from '../../tunnel/threads/link-threads.js';
import { MAX_LANES } from '../../tunnel/window.js';
import type { MigrateOptions } from '../options/migrate.js';
import { destinationOf, dialerOptions, type Settings } from './dialing.js';
import { DEFAULT_LANES } from './lanes.js';

/**
 * `migrate` with settings that may not be the host's own but those of a client of its daemon.
 * @param threads of the caller's, for the lanes
 * @throws as `migrate`
 */
export async function migrateWith(
  host: HostDriver,
  settings: Settings,
  options: MigrateOptions,
  threads?: LinkThreads,
): Promise<Migrated> {
  checkMigration(options);
  const { reconnectTimeoutS, onNotice = () => undefined } = options;
  const reconnect = reconnectTimeoutS === undefined ? {} : { reconnectMs: reconnectTimeoutS * 1000 };
  const cancel = options.signal ?? new AbortController().signal;
  const uri = destinationOf(settings, options.destination);
  const dialing = { ...dialerOptions(settings, options, onNotice), threads };
  await using destination = await openDestination(uri, dialing, () => host.hello(cancel));
  return await depart(host, {
    domain: options.domain,
    destination: options.destination,
    connect: destination.connect,
    ahead: destination.ahead,
    deadlines: { ...settings.deadlines, ...reconnect },
    live: options.live === true,
    suspend: options.suspend === true,
    dname: options.name,
    persistent: options.persistent,
    persistentXml: options.persistentXml,
    undefineSource: options.undefineSource,
    xml: options.xml,
    timeout: options.timeout,
    unsafe: options.unsafe,
    lanes: options.lanes ?? DEFAULT_LANES,
    bandwidthMiBps: options.bandwidthMiBps,
    compression: options.compression,
    withoutWasm: process.env.XENFERRY_ENCODER === 'typescript',
    cancel,
    abandon: options.abandonSignal ?? new AbortController().signal,
    onProgress: options.onProgress ?? (() => undefined),
  });
}

const MAX_TIMEOUT_S = 86_400;

/**
 * Checks the options alone.
 * @param called the user's name of a field of the options, for messages
 * @throws UsageError
 */
export function checkMigration(
  options: Omit<MigrateOptions, 'domain' | 'destination'>,
  called: (field: string) => string = (field) => field,
): void {
  const { lanes = DEFAULT_LANES, bandwidthMiBps, reconnectTimeoutS, compression = 'auto', timeout } = options;
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > MAX_LANES) {
    throw new UsageError(
      'E_USAGE_LANES',
      `${called('lanes')} ${lanes}: a whole number from 1 to ${MAX_LANES} is needed`,
    );
  }
  if (bandwidthMiBps !== undefined && !(bandwidthMiBps > 0)) {
    throw new UsageError(
      'E_USAGE_BANDWIDTH',
      `${called('bandwidthMiBps')} ${bandwidthMiBps}: a number of MiB/s over 0 is needed`,
    );
  }
  if (reconnectTimeoutS !== undefined && !(reconnectTimeoutS >= 0 && reconnectTimeoutS <= MAX_RECONNECT_MS / 1000)) {
    throw new UsageError(
      'E_USAGE_RECONNECT',
      `${called('reconnectTimeoutS')} ${reconnectTimeoutS}: seconds from 0 to ${MAX_RECONNECT_MS / 1000} are needed`,
    );
  }
  if (options.name !== undefined) checkDomainName(options.name);
  if (typeof compression === 'object' && !isLevel(compression.level)) {
    throw new UsageError(
      'E_USAGE_COMPRESS',
      `${called('compression')}: a whole level from ${MIN_LEVEL} to ${MAX_LEVEL}, not 0, is needed`,
    );
  }
  if (timeout === undefined) return;
  if (!(timeout.seconds > 0 && timeout.seconds <= MAX_TIMEOUT_S)) {
    throw new UsageError(
      'E_USAGE_TIMEOUT',
      `${called('timeout')} ${timeout.seconds}: seconds over 0, at most ${MAX_TIMEOUT_S}, are needed`,
      { hint: 'A day at most.' },
    );
  }
  if (options.live !== true) {
    throw new UsageError('E_USAGE_TIMEOUT', `${called('timeout')} without ${called('live')}`, {
      hint: `Only live copying has an end that is open: add ${called('live')}.`,
    });
  }
}

/** Whether zstd has the level, and it is not 0, which names no level of its own. */
export const isLevel = (level: number): boolean =>
  Number.isInteger(level) && level !== 0 && level >= MIN_LEVEL && level <= MAX_LEVEL;
