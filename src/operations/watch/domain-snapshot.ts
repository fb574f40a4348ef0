import type { JournalEntry } from '../../journal/journal-text.js';
import { openMigrations } from '../../journal/open-migrations.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { RunRecord } from '../../host/registry/run-records.js';

/** The state of a domain at one moment. */
export interface DomainSnapshot {
  readonly uuid: string;
  readonly info: DomainInfo | undefined;
  readonly note: RunRecord | undefined;
  readonly isDefined: boolean;
  /** A migration of it, of either side, has not settled. */
  readonly isMoving: boolean;
  /** The outcome of its last migration here, and the domain id then. */
  readonly moved: { readonly way: 'came' | 'went'; readonly domid: number | undefined } | undefined;
}

/** Takes the snapshot of one domain. */
export async function snapshotDomain(host: Host, uuid: string, signal: AbortSignal): Promise<DomainSnapshot> {
  const info = await host.toolstack.lookup(uuid, signal);
  return seen(host, uuid, info?.uuid === uuid ? info : undefined, host.journal.list());
}

/** Takes the snapshot of every domain of the host that exists or that has a record. */
export async function snapshotDomains(host: Host, signal: AbortSignal): Promise<DomainSnapshot[]> {
  const infos = new Map((await host.toolstack.list(signal)).map((info) => [info.uuid, info]));
  const entries = host.journal.list();
  const uuids = new Set([...infos.keys(), ...host.runs.uuids()]);
  return [...uuids].map((uuid) => seen(host, uuid, infos.get(uuid), entries));
}

function seen(
  host: Host,
  uuid: string,
  info: DomainInfo | undefined,
  entries: readonly JournalEntry[],
): DomainSnapshot {
  return {
    uuid,
    info,
    note: host.runs.get(uuid),
    isDefined: isDefined(host, uuid),
    isMoving: openMigrations(entries).some(({ header }) => header.uuid === uuid),
    moved: lastMove(entries.filter(({ header }) => header.uuid === uuid)),
  };
}

function lastMove(entries: readonly JournalEntry[]): DomainSnapshot['moved'] {
  const last = [...entries].sort((one, other) => other.header.epoch - one.header.epoch).at(0);
  if (last?.state?.state === 'activated') return { way: 'came', domid: last.state.domid };
  return last?.state?.state === 'released' ? { way: 'went', domid: last.header.domid } : undefined;
}

function isDefined(host: Host, uuid: string): boolean {
  try {
    return host.definitions.get(uuid) !== undefined;
  } catch {
    return true; // an unreadable definition is a definition, too
  }
}
