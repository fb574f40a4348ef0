import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../../errors/errors.js';
import type { HostInfo, Toolstack } from '../../toolstack/toolstack.js';
import { dom0MemOf, limitsDom0 } from './dom0-mem.js';

/** Whether domain 0 releases memory for guests: `auto` does unless Xen's command line fixes its memory. */
export type Autoballoon = 'auto' | boolean;

/** The memory that a guest needs. */
export interface RoomNeeded {
  /** For messages. */
  readonly name: string;
  readonly neededKiB: number;
  /** Reserved for others that have not taken it yet. */
  readonly promisedKiB?: number;
  readonly signal: AbortSignal;
}

/** Whether domain 0 may be shrunk: the configuration wins, then Xen's command line. */
export function mayShrinkDom0({ dom0, commandLine = '', lacks }: HostInfo, autoballoon: Autoballoon): boolean {
  if (dom0 === undefined || lacks.includes('dom0-balloon')) return false;
  return autoballoon === 'auto' ? !limitsDom0(commandLine) : autoballoon;
}

const TRIES = 3;
const TRY_MS = 10_000;
const LOOK_MS = 500;
/** libxl's minimum for domain 0 (LIBXL_MIN_DOM0_MEM). */
const LEAST_DOM0_KIB = 128 * 1024;

/** The clock, which tests replace. */
export interface Clock {
  readonly nowMs: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const CLOCK: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/**
 * Makes sure that there is free memory for a guest that is about to be made, by shrinking domain 0 if that is allowed
 * (facts 3.4). Three tries of 10 s each, then an error with the missing amount. If domain 0 may not be shrunk, the
 * toolstack decides whether there is enough.
 * @throws RefusedError `E_REFUSED_NO_MEMORY`
 */
export async function makeRoom(
  toolstack: Pick<Toolstack, 'host' | 'setDom0Target'>,
  autoballoon: Autoballoon,
  { name, neededKiB, promisedKiB = 0, signal }: RoomNeeded,
  clock: Clock = CLOCK,
): Promise<void> {
  const wantedKiB = neededKiB + promisedKiB;
  for (let tries = 0; ; tries += 1) {
    const host = await toolstack.host(signal);
    const { freeMemoryKiB, dom0, commandLine = '', totalMemoryKiB } = host;
    if (freeMemoryKiB >= wantedKiB || dom0 === undefined || !mayShrinkDom0(host, autoballoon)) return;

    const missingKiB = wantedKiB - freeMemoryKiB;
    const leastKiB = Math.max(LEAST_DOM0_KIB, dom0MemOf(commandLine, totalMemoryKiB).minKiB ?? 0);
    const has = `${name} needs ${mib(neededKiB)}, ${mib(Math.max(0, freeMemoryKiB - promisedKiB))} are free, domain 0 has ${mib(dom0.memoryKiB)}`;
    if (dom0.memoryKiB - missingKiB < leastKiB) {
      throw noRoom(`${has} and keeps ${mib(leastKiB)} at least`, { neededKiB, freeKiB: freeMemoryKiB, missingKiB });
    }
    if (tries === TRIES) {
      const waited = `failed to balloon domain 0: it did not release ${mib(missingKiB)} more in ${(TRIES * TRY_MS) / 1000} s`;
      throw noRoom(`${has}; ${waited}`, { neededKiB, freeKiB: freeMemoryKiB, missingKiB });
    }
    await toolstack.setDom0Target(dom0.memoryKiB - missingKiB, signal);
    await untilFree(toolstack, wantedKiB, clock, signal);
  }
}

async function untilFree(
  toolstack: Pick<Toolstack, 'host'>,
  wantedKiB: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const end = clock.nowMs() + TRY_MS;
  while ((await toolstack.host(signal)).freeMemoryKiB < wantedKiB && clock.nowMs() < end) {
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

function noRoom(text: string, data: Record<string, number>): RefusedError {
  return new RefusedError('E_REFUSED_NO_MEMORY', `not enough memory: ${text}`, {
    hint: 'Stop or shrink another guest, or give this one less memory.',
    data,
  });
}

function mib(kib: number): string {
  return `${Math.ceil(kib / 1024)} MiB`;
}
