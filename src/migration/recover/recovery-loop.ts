import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../journal/journal-text.js';
import { openMigrations } from '../../journal/open-migrations.js';
import type { Host } from '../../host/host.js';
import type { Connect } from '../../source/destination.js';
import type { OpenDestination } from '../connect/open-destination.js';
import { recover } from './recover.js';
import { parseDestinationUri, type DestinationUri } from '../../host/config/uri.js';

/** Pauses between two attempts: a destination may be unreachable for days. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Interval of the search for new ones while none is open. */
const IDLE_PAUSE_MS = 30_000;
/** Longest time that an attempt holds the domain's job; other users of the job wait longer than this. */
const ATTEMPT_MS = 10_000;

/** Options of the recovery loop. */
export interface RecoveryLoopOptions {
  /** The way to a destination; it is disposed of after the attempt. */
  readonly open: (destination: DestinationUri) => Promise<OpenDestination>;
  /** Whether a destination can be reached from here. */
  readonly reaches: (destination: DestinationUri) => boolean;
  readonly firstPauseMs?: number;
}

/**
 * Settles migrations that a dead process, or one that gave up, has left open: asks the destinations of those that left,
 * and completes arrivals, repeatedly, so that `recover` need not be run once that is possible. A migration whose
 * process is alive is left to that process. Ends when it is disposed.
 */
export class RecoveryLoop implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    private readonly host: Host,
    private readonly options: RecoveryLoopOptions,
  ) {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const first = this.options.firstPauseMs ?? FIRST_PAUSE_MS;
    let nextMs = first;
    while (!signal.aborted) {
      const open = await this.#settle();
      const pauseMs = open === 0 ? IDLE_PAUSE_MS : nextMs;
      nextMs = open === 0 ? first : Math.min(LONGEST_PAUSE_MS, nextMs * 2);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined); // stopped: the loop ends
    }
  }

  /** One attempt for each. Resolves to the number still open. Never rejects. */
  async #settle(): Promise<number> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    const only = ({ header }: JournalEntry): boolean =>
      (header.side === 'dest' || this.#reaches(header.peer)) && this.host.jobs.holder(header.uuid) === undefined;
    if (!openMigrations(this.host.journal.list()).some(only)) return 0;
    const opened: OpenDestination[] = [];
    const connectTo = async (destination: string): Promise<Connect> => {
      const way = await this.options.open(parseDestinationUri(destination));
      opened.push(way);
      return way.connect;
    };
    const results = await recover(this.host, { connectTo, signal, only });
    for (const way of opened) await way[Symbol.asyncDispose]();
    for (const { domain, peer, side, settled, result } of results) {
      if (!settled) continue;
      this.host.log(`${domain}: unfinished migration ${side === 'source' ? 'to' : 'from'} ${peer} settled: ${result}`);
    }
    return results.filter(({ settled }) => !settled).length;
  }

  /** A peer without a URI of ours, such as an xl that sent through us, cannot be asked. */
  #reaches(peer: string): boolean {
    try {
      return this.options.reaches(parseDestinationUri(peer));
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
