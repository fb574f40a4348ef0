import { Deadline } from '../../errors/deadline.js';
import { FileLock } from '../../posix/file-lock.js';
import { domainGone, readRecord, writeRecord, type DomainRecord } from './domain-record.js';
import { appendTransition, ensureAppended, nowStamp, type Transition } from './history.js';
import type { HostFolder } from './host-folder.js';

/** Locks are held for one step each; a process that holds one longer is stopped or stuck. */
const LOCK_WAIT_MS = 60_000;

/** A signal that never fires, for callers without one: the deadline ends the wait. */
const NEVER = new AbortController().signal;

/** Takes one of the host's locks. @throws DeadlineError E_DEADLINE_LOCK; the signal's reason */
export async function takeLock(path: string, what: string, signal: AbortSignal = NEVER): Promise<FileLock> {
  const free = FileLock.tryTake(path, what);
  if (free !== undefined) return free;
  using deadline = new Deadline(signal, LOCK_WAIT_MS, 'E_DEADLINE_LOCK', `waiting for ${path} (${what})`);
  return await FileLock.take(path, what, deadline.signal);
}

/** A domain whose lock we hold: no other process runs it or changes its state. */
export class LockedDomain {
  readonly host: HostFolder;
  readonly folder: string;
  #record: DomainRecord;

  private constructor(host: HostFolder, folder: string, record: DomainRecord) {
    this.host = host;
    this.folder = folder;
    this.#record = record;
  }

  /** Reads a domain whose lock is held. @throws ToolstackError E_TOOLSTACK_DOMAIN_GONE */
  static read(host: HostFolder, domid: number): LockedDomain {
    const folder = host.domain(domid);
    const record = readRecord(folder);
    if (record === undefined) throw domainGone(domid);
    return new LockedDomain(host, folder, record);
  }

  get record(): DomainRecord {
    return this.#record;
  }

  /** Commits a change that neither starts nor stops the domain. */
  update(changes: Partial<DomainRecord>): void {
    const next = { ...this.#record, ...changes };
    writeRecord(this.folder, next);
    this.#record = next;
  }

  /**
   * Commits a change together with its line of history, then writes that line. A process that dies
   * in between leaves the line in the record, for the next one to write.
   */
  transition(changes: Partial<DomainRecord>, line: Pick<Transition, 'event' | 'why' | 'reason'>): void {
    const before = this.#record;
    const history = this.host.file('history.jsonl');
    if (before.last !== null) ensureAppended(history, before.last);
    const name = changes.name ?? before.name;
    const { domid, uuid, bornMs } = before;
    const last: Transition = { n: (before.last?.n ?? 0) + 1, bornMs, domid, uuid, name, ...line, ...nowStamp() };
    this.update({ ...changes, last });
    // A run is recorded before it is visible, a stop after it.
    appendTransition(history, line.event === 'run' ? last : { ...last, ...nowStamp() });
  }
}

/** Works on a domain while holding its lock. @throws ToolstackError E_TOOLSTACK_DOMAIN_GONE */
export async function withDomain<T>(
  host: HostFolder,
  domid: number,
  signal: AbortSignal | undefined,
  work: (domain: LockedDomain) => T | Promise<T>,
): Promise<T> {
  using _lock = await takeLock(host.domainLock(domid), `domain ${domid}`, signal);
  return await work(LockedDomain.read(host, domid));
}

/** Works on a domain if its lock is free and the domain exists; for work that may be done later. */
export function tryWithDomain(host: HostFolder, domid: number, work: (domain: LockedDomain) => void): void {
  using lock = FileLock.tryTake(host.domainLock(domid), `domain ${domid}`);
  if (lock === undefined || readRecord(host.domain(domid)) === undefined) return;
  work(LockedDomain.read(host, domid));
}
