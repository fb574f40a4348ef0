import { MAX_LEVEL, MIN_LEVEL } from '../../codec/levels.js';
import type { Compression } from '../../codec/agreement.js';
import { MAX_RECONNECT_MS } from '../../control/messages.js';
import { checkDomainName } from '../../domain/names.js';
import type { Host } from '../../host/host.js';
import { migrate, type Migrated } from '../../migration/migrate.js';
import type { CopyTimeout } from '../../migration/migration-timeout.js';
import { openDestination } from '../../migration/connect/open-destination.js';
import { UsageError } from '../../errors/errors.js';
import type { LinkThreads } from '../../tunnel/threads/link-threads.js';
import { MAX_LANES } from '../../tunnel/window.js';
import { destinationOf, dialerOptions } from '../dialing.js';
import { deadlinesOf, openHost } from '../open.js';
import type { MigrateOptions, MigrateSession } from './options.js';

const MAX_TIMEOUT_S = 86_400;

/** Moves a domain of the host that the options name. @throws as `migrate` does; UsageError where an option is wrong */
export async function migrateHere(options: MigrateOptions, session: MigrateSession): Promise<Migrated> {
  checkOptions(options);
  await using host = await openHost(options);
  return await migrateOnHost(host, options, session);
}

/**
 * The same on a host that is open, and stays its holder's. The options' deadlines go before the host's.
 * @param threads of the holder's, for the lanes
 */
export async function migrateOnHost(
  host: Host,
  options: MigrateOptions,
  session: MigrateSession,
  threads?: LinkThreads,
): Promise<Migrated> {
  checkOptions(options);
  const reconnect = options['reconnect-timeout'];
  const deadline = [...(options.deadline ?? []), ...(reconnect === undefined ? [] : [`reconnect=${reconnect}`])];
  const timed = { ...options, deadline };
  const uri = destinationOf(options, options.desturi);
  const dialing = { ...dialerOptions(timed, session, session.onNotice), threads };
  await using destination = await openDestination(uri, dialing, () => host.hello(session.cancel));
  return await migrate(host, {
    domain: options.domain,
    destination: options.desturi,
    connect: destination.connect,
    ahead: destination.ahead,
    deadlines: deadlinesOf(timed),
    live: options.live,
    suspend: options.suspend,
    dname: options.dname,
    persistent: options.persistent,
    persistentXml: options['persistent-xml'],
    undefineSource: options.undefinesource,
    xml: options.xml,
    timeout: copyTimeout(options),
    unsafe: options.unsafe,
    lanes: options.lanes,
    bandwidthMiBps: options.bandwidth,
    compression: parseCompression(options.compress),
    cancel: session.cancel,
    abandon: session.abandon,
    onProgress: session.onProgress,
  });
}

/** What can be seen of the options alone. @throws UsageError */
export function checkOptions(options: MigrateOptions): void {
  if (!Number.isInteger(options.lanes) || options.lanes < 1 || options.lanes > MAX_LANES) {
    throw new UsageError('E_USAGE_LANES', `--lanes ${options.lanes}: a whole number from 1 to ${MAX_LANES} is needed`);
  }
  if (options.bandwidth !== undefined && !(options.bandwidth > 0)) {
    throw new UsageError('E_USAGE_BANDWIDTH', `--bandwidth ${options.bandwidth}: a number of MiB/s over 0 is needed`);
  }
  const reconnect = options['reconnect-timeout'];
  if (reconnect !== undefined && !(reconnect >= 0 && reconnect <= MAX_RECONNECT_MS / 1000)) {
    throw new UsageError(
      'E_USAGE_RECONNECT',
      `--reconnect-timeout ${reconnect}: seconds from 0 to ${MAX_RECONNECT_MS / 1000} are needed`,
    );
  }
  if (options.dname !== undefined) checkDomainName(options.dname);
  parseCompression(options.compress);
  copyTimeout(options);
  destinationOf(options, options.desturi);
}

function copyTimeout(options: MigrateOptions): CopyTimeout | undefined {
  const { timeout: seconds, 'timeout-suspend': suspend, 'timeout-cancel': cancel } = options;
  const bad = (message: string, hint: string): UsageError => new UsageError('E_USAGE_TIMEOUT', message, { hint });
  if (suspend && cancel) throw bad('--timeout-suspend and --timeout-cancel exclude each other', 'Give one.');
  if (seconds === undefined) {
    if (!suspend && !cancel) return undefined;
    throw bad(`--timeout-${suspend ? 'suspend' : 'cancel'} without --timeout`, 'Add --timeout SECONDS.');
  }
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_S)) {
    throw bad(`--timeout ${seconds}: seconds over 0, at most ${MAX_TIMEOUT_S}, are needed`, 'A day at most.');
  }
  if (!options.live) throw bad('--timeout without --live', 'Only live copying has an end that is open: add --live.');
  return { seconds, then: cancel ? 'cancel' : 'suspend' };
}

function parseCompression(text: string): Compression {
  if (text === 'auto' || text === 'none') return text;
  const level = /^zstd(?::(-?\d{1,3}))?$/.exec(text)?.[1];
  if (text === 'zstd') return { level: 1 };
  if (level !== undefined && Number(level) !== 0 && Number(level) >= MIN_LEVEL && Number(level) <= MAX_LEVEL) {
    return { level: Number(level) };
  }
  throw new UsageError(
    'E_USAGE_COMPRESS',
    `--compress ${text}: auto, none, zstd or zstd:LEVEL with a level from ${MIN_LEVEL} to ${MAX_LEVEL}, not 0, is needed`,
  );
}
