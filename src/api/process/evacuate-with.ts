import process from 'node:process';
import type { Hello } from '../../control/messages.js';
import { Deadline } from '../../errors/deadline.js';
import { RefusedError, UsageError, XenferryError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { evacuate as empty } from '../../fleet/evacuate.js';
import { planEvacuation } from '../../fleet/plan.js';
import { arriving, closeForEvacuation, waitForArrivals } from '../../host/evacuation-lock.js';
import type { Host as HostDriver } from '../../host/host.js';
import type { Migrated } from '../../migration/migrate.js';
import type { EvacuateOptions, Evacuated, EvacuationPlan, Leaver, SeenDestination } from '../options/evacuate.js';
import type { MigrateOptions, TransferOptions } from '../options/migrate.js';
import type { Settings } from './dialing.js';
import { moveOf } from './evacuation-move.js';
import { checkMigration } from './migrate-with.js';
import { helloOf } from './peer-hello.js';

/** More share the same network at a time, and make each guest's pause longer. */
export const DEFAULT_PARALLEL = 2;
export const MAX_PARALLEL = 64;

/** What a process of xenferry itself does its own way. */
export interface EvacuationWays {
  /** Whose configuration and keys hold. */
  readonly settings: Settings;
  /** Moves one domain, as `migrate` does. */
  readonly move: (options: MigrateOptions) => Promise<Migrated>;
  /** Asks for a passphrase: an asker for each conversation. */
  readonly asker: () => TransferOptions['askPassphrase'];
}

/** `evacuate` in another's way. */
export async function evacuateWith(
  host: HostDriver,
  options: EvacuateOptions,
  ways: EvacuationWays,
): Promise<Evacuated> {
  const { seen, answering, stays, signal } = await begin(host, options, ways);
  const { onNotice, onWarning } = options;
  for (const { destination, error, hint } of seen) {
    if (error === undefined) continue;
    onWarning?.(`${destination} is left out: ${error}${hint === undefined ? '' : ` (${hint})`}`);
  }
  if (answering.length === 0) {
    throw new RefusedError('E_REFUSED_NO_DESTINATION', 'none of the destinations can be reached; nothing was moved', {
      hint: 'The warnings have the reason for each.',
    });
  }
  const abandon = options.abandonSignal ?? new AbortController().signal;
  // Two hosts that evacuate to each other would never be empty.
  using _closed = await closeForEvacuation(host, `xenferry evacuate (process ${process.pid})`, signal);
  const report = await empty({
    destinations: answering,
    parallel: options.parallel ?? DEFAULT_PARALLEL,
    // Also after a stop: the domains that remain at the end count.
    list: () => leaversOf(host, stays, abandon),
    arrivals: async () => {
      for (const { name, what } of arriving(host)) onNotice?.(`waits for ${name}, which is ${what}`);
      return (await waitForArrivals(host, signal)).map(({ name }) => name);
    },
    cancel: signal,
    onNews: (attempt) => options.onAttempt?.(attempt),
    move: (leaver, destination) =>
      moveOf(() =>
        ways.move({
          ...transferOf(options),
          domain: leaver.uuid,
          destination,
          askPassphrase: ways.asker(),
          signal,
          abandonSignal: abandon,
          onProgress: (event) => options.onProgress?.(leaver, event),
          onNotice,
        }),
      ),
  });
  return { destinations: seen, ...report };
}

/** `planOf` in another's way. */
export async function planWith(
  host: HostDriver,
  options: EvacuateOptions,
  ways: EvacuationWays,
): Promise<EvacuationPlan> {
  const { seen, answering, stays, signal } = await begin(host, options, ways);
  const leavers = await leaversOf(host, stays, signal);
  const destinations = answering.length === 0 ? seen.map(({ destination }) => destination) : answering;
  return { destinations: seen, routes: planEvacuation(leavers, destinations) };
}

/** Checks the options, and greets every destination. */
async function begin(
  host: HostDriver,
  options: EvacuateOptions,
  { settings, asker }: EvacuationWays,
): Promise<{
  readonly seen: readonly SeenDestination[];
  readonly answering: readonly string[];
  readonly stays: ReadonlySet<string>;
  readonly signal: AbortSignal;
}> {
  checkEvacuation(options);
  const signal = options.signal ?? new AbortController().signal;
  const stays = await excluded(host, options.exclude ?? [], signal);
  const look = (destination: string): Promise<Hello> => {
    const how = { ...transferOf(options), askPassphrase: asker(), onNotice: options.onNotice ?? (() => undefined) };
    return helloOf(host, settings, destination, how, signal);
  };
  const seen = await Promise.all([...new Set(options.to)].map((destination) => seenBy(look, destination, signal)));
  const answering = seen.flatMap(({ destination, error }) => (error === undefined ? [destination] : []));
  return { seen, answering, stays, signal };
}

/**
 * Checks the options alone.
 * @param called the user's name of a field of the options, for messages
 * @throws UsageError
 */
export function checkEvacuation(options: EvacuateOptions, called: (field: string) => string = (field) => field): void {
  const { parallel = DEFAULT_PARALLEL } = options;
  if (options.to.length === 0) {
    throw new UsageError('E_USAGE_ARGUMENTS', `${called('to')} names no destination`, {
      hint: 'Name at least one, by its URI or an alias.',
    });
  }
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL) {
    throw new UsageError(
      'E_USAGE_PARALLEL',
      `${called('parallel')} ${parallel}: a whole number from 1 to ${MAX_PARALLEL} is needed`,
    );
  }
  checkMigration(transferOf(options), called);
}

/** The options that apply to each migration. */
function transferOf(options: EvacuateOptions): TransferOptions {
  return {
    live: options.live,
    persistent: options.persistent,
    undefineSource: options.undefineSource,
    unsafe: options.unsafe,
    lanes: options.lanes,
    bandwidthMiBps: options.bandwidthMiBps,
    compression: options.compression,
    reconnectTimeoutS: options.reconnectTimeoutS,
    tlsDir: options.tlsDir,
    transport: options.transport,
    remoteCommand: options.remoteCommand,
    askPassphrase: options.askPassphrase,
  };
}

/** The domains that are here and are to leave. Those that are still arriving are not among them. */
async function leaversOf(host: HostDriver, stays: ReadonlySet<string>, signal: AbortSignal): Promise<Leaver[]> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'the list of domains');
  const coming = new Set(arriving(host).map(({ uuid }) => uuid));
  const infos = await host.toolstack.list(looking.signal);
  return infos.filter(({ uuid, state }) => state !== 'dying' && !stays.has(uuid) && !coming.has(uuid));
}

/** UUIDs of the domains that are to stay. @throws RefusedError for one that is not there: a mistyped name would move it */
async function excluded(host: HostDriver, refs: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'the list of domains that stay');
  const uuids = new Set<string>();
  for (const ref of refs) uuids.add((await host.findKnown(ref, looking.signal)).uuid);
  return uuids;
}

/** @throws UsageError; the signal's reason */
async function seenBy(
  look: (destination: string) => Promise<Hello>,
  destination: string,
  signal: AbortSignal,
): Promise<SeenDestination> {
  try {
    const { hostname } = await look(destination);
    return { destination, hostname, error: undefined, hint: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UsageError) throw error; // the options are wrong, not the host
    const hint = error instanceof XenferryError ? error.hint : undefined;
    return { destination, hostname: undefined, error: messageOf(error), hint };
  }
}
