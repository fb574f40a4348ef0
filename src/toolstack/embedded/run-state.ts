import type { ShutdownReason } from '../toolstack.js';
import { monotonicMs } from './clock.js';
import { mayRun, type DomainRecord } from './domain-record.js';
import type { LockedDomain } from './locked-domain.js';
import { liveUpTo, readKernel } from './memory/guest-clock.js';
import { GuestMemory } from './memory/guest-memory.js';

/** The fields that determine whether a domain runs. */
export type RunChanges = Partial<Pick<DomainRecord, 'built' | 'paused' | 'shutdown' | 'dying' | 'asked'>>;

/** Advances a running guest to the present; nothing if it does not run, or its content is unknown. */
export function catchUp(domain: LockedDomain): void {
  const { running, logDirty } = domain.record;
  if (running === null) return;
  using memory = GuestMemory.open(domain.folder);
  const kernel = readKernel(memory);
  if (kernel === undefined) return;
  const ranMs = Math.max(0, monotonicMs() - running.sinceMs);
  liveUpTo(memory, domain.folder, running.sinceTick + Math.floor(ranMs / kernel.tickMs), logDirty);
}

/**
 * The only function by which domains start and stop running. A guest that stops is advanced to this
 * moment before; one that starts continues from the tick in its memory.
 */
export function changeRunState(domain: LockedDomain, changes: RunChanges, why: string): void {
  catchUp(domain);
  const before = domain.record;
  const runs = mayRun({ ...before, ...changes });
  if (before.running === null && runs) {
    domain.transition(
      { ...changes, running: { sinceMs: monotonicMs(), sinceTick: ticksOf(domain) } },
      { event: 'run', why },
    );
    doAsAsked(domain);
    return;
  }
  const reason = before.shutdown === null ? (changes.shutdown ?? undefined) : undefined;
  if ((before.running !== null && !runs) || reason !== undefined) {
    const ranMs = before.ranMs + (before.running === null ? 0 : Math.max(0, monotonicMs() - before.running.sinceMs));
    domain.transition(
      { ...changes, running: null, ranMs },
      { event: 'stop', why, ...(reason === undefined ? {} : { reason }) },
    );
    return;
  }
  domain.update(changes);
}

/** Asks the guest to shut down or reboot: at once if it runs, else as soon as it does. */
export function askGuest(domain: LockedDomain, asked: 'poweroff' | 'reboot'): void {
  catchUp(domain);
  domain.update({ asked });
  doAsAsked(domain);
}

function doAsAsked(domain: LockedDomain): void {
  const { asked, running } = domain.record;
  if (asked === null || running === null) return;
  const shutdown: ShutdownReason = asked;
  changeRunState(domain, { asked: null, shutdown }, asked);
}

function ticksOf(domain: LockedDomain): number {
  using memory = GuestMemory.open(domain.folder);
  return readKernel(memory)?.ticks ?? 0;
}
