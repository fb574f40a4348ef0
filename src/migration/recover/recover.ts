import { recoverArrival } from '../../dest/recover.js';
import { messageOf } from '../../errors/message-of.js';
import { SOURCE_FINAL } from '../../handover/source-side.js';
import type { JournalEntry } from '../../journal/journal-text.js';
import { openMigrations, sourceStateOf } from '../../journal/open-migrations.js';
import { Departure } from '../../source/departure.js';
import type { Connect } from '../../source/destination.js';
import { guestDomid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';
import { sweepLeases } from '../../operations/sweep-leases.js';
import { afterDeparture } from '../../operations/running/departed.js';
import { arrivalsOf } from '../../operations/running/incoming.js';
import { connectToDecision, findInDoubt, recordDecision, type Keep } from './manual-resolution.js';
import { placeInWords } from '../migration-error.js';

/** One unsettled migration, and its result. */
export interface Recovered {
  readonly migration: string;
  readonly side: 'source' | 'dest';
  readonly domain: string;
  readonly peer: string;
  readonly settled: boolean;
  readonly result: string;
}

/** Which migrations to settle, and how to reach their destinations. */
export interface RecoverRequest {
  /** Opens a connection to the destination in a journal. */
  readonly connectTo: (destination: string) => Promise<Connect>;
  /** Selects migrations; default: all. */
  readonly only?: (entry: JournalEntry) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Settles the migration in doubt that the operator decides about, without the destination. The decision is in the
 * journal before it is carried out; see `RISK`.
 * @throws RefusedError `E_REFUSED_NOT_IN_DOUBT`
 */
export async function recoverByHand(host: Host, ref: string, keep: Keep, signal: AbortSignal): Promise<Recovered> {
  const entry = findInDoubt(host, ref);
  const { migration, side, name, peer } = entry.header;
  const connectTo = (destination: string): Promise<Connect> => Promise.resolve(connectToDecision(keep, destination));
  const settled = await settle(host, entry, { signal, connectTo }, () => {
    // The previous holder of the job may have settled it: then this reports that.
    recordDecision(host, findInDoubt(host, migration), keep);
  });
  return { migration, side, domain: name, peer, ...settled };
}

/** Settles every migration that an earlier process left open. A failure with one does not affect the others. */
export async function recover(host: Host, request: RecoverRequest): Promise<Recovered[]> {
  const results: Recovered[] = [];
  for (const entry of openMigrations(host.journal.list())) {
    if (request.only?.(entry) === false) continue;
    const { migration, side, name, peer } = entry.header;
    const about = { migration, side, domain: name, peer };
    try {
      results.push({ ...about, ...(await settle(host, entry, request)) });
    } catch (error) {
      results.push({ ...about, settled: false, result: messageOf(error) });
    }
  }
  await sweepLeases(host, request.signal);
  host.pruneJournals();
  return results;
}

async function settle(
  host: Host,
  entry: JournalEntry,
  request: RecoverRequest,
  first: () => void = () => undefined,
): Promise<{ settled: boolean; result: string }> {
  const { header } = entry;
  using _job = await host.jobs.take(header.uuid, header.name, 'settling a migration', request.signal);
  first();
  // The previous holder of the job may have settled it.
  const now = host.journal.read(header.migration, header.side);
  if (now === undefined) return { settled: true, result: 'settled by another process' };
  if (header.side === 'dest') {
    const { outcome, error } = await recoverArrival({ ...arrivalsOf(host), log: () => undefined }, now);
    return { settled: outcome !== 'pending', result: error === undefined ? outcome : `${outcome}: ${error.message}` };
  }
  if (header.domid === undefined) return { settled: false, result: 'the journal does not name the domain' };
  const never = new AbortController().signal;
  const report = await Departure.recover(
    {
      toolstack: host.toolstack,
      journal: host.journal,
      deadlines: host.deadlines,
      connect: await request.connectTo(header.peer),
      cancel: never,
      abandon: request.signal,
      machine: host.handover.source,
      onProgress: () => undefined,
      beforeResume: (uuid, migration) => host.leases.migrating.reclaim(uuid, migration),
    },
    {
      migration: header.migration,
      uuid: header.uuid,
      name: header.name,
      domid: guestDomid(header.domid),
      peer: header.peer,
    },
    sourceStateOf(now),
    header.epoch,
  );
  const after = host.journal.read(header.migration, 'source');
  const settled = after !== undefined && SOURCE_FINAL.has(sourceStateOf(after));
  const { uuid, name, domid, undefineSource } = header;
  // If only the copy here remained to be removed, the destination was not asked again: the journal has the outcome.
  const place = after?.state?.state === 'released' ? 'destination' : report.place;
  const leaver = { uuid, name, domid, domain: undefined, undefineSource };
  const warnings = await afterDeparture(host, leaver, { ...report, place });
  const why = place === 'in-doubt' && report.error !== undefined ? [messageOf(report.error)] : [];
  return { settled, result: [placeInWords(place), ...why, ...report.warnings, ...warnings].join('; ') };
}
