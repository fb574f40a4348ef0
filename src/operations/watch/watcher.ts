import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo, ToolstackEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { RestartPacer } from './restart-pacer.js';
import { settleDomain, taskOf } from './settle-domain.js';
import { snapshotDomain, snapshotDomains, type DomainSnapshot } from './domain-snapshot.js';

export interface WatchOptions {
  /** How often all domains are looked at, in ms, in case that something was not heard. */
  readonly sweepMs?: number | undefined;
  /** Longest that a restart, a core or the like may take, in ms. */
  readonly actMs?: number | undefined;
  /** Called behind each look at all domains. */
  readonly onSwept?: ((snapshots: readonly DomainSnapshot[]) => void) | undefined;
}

const SWEEP_MS = 15_000;
/** A large guest is built, or its core written, in less. */
const ACT_MS = 30 * 60_000;
/** Pause before the toolstack's events are asked for again. */
const LISTEN_AGAIN_MS = 1000;

/**
 * Watches the domains of a host: what stops by itself is dealt with as its definition says, what died is cleaned up behind, whoever
 * started it. It works under each domain's job, so it never gets in the way of what we ourselves do; and it leaves alone what
 * is migrating. At most one of a host's processes may watch: the caller holds the `WatchLock`.
 */
export class Watcher implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #work = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  readonly #pacer = new RestartPacer();
  /** Domains that wait for their time to be dealt with. */
  readonly #later = new Map<string, NodeJS.Timeout>();
  readonly #sweepMs: number;
  readonly #actMs: number;
  #sweepsAgain = false;
  #wakeSweep: () => void = () => undefined;
  readonly #running: Promise<unknown>;

  constructor(
    private readonly host: Host,
    private readonly options: WatchOptions = {},
  ) {
    this.#sweepMs = options.sweepMs ?? SWEEP_MS;
    this.#actMs = options.actMs ?? ACT_MS;
    this.#running = Promise.all([this.#listen(), this.#sweep(), this.#afterJobs()]);
  }

  /** Looks after a domain now; resolves when that is done. Never rejects. */
  look(uuid: string): Promise<void> {
    const busy = this.#work.get(uuid);
    if (busy !== undefined) {
      // What happened while it was looked at may not have been seen.
      busy.again = true;
      return busy.done;
    }
    const work = { again: true, done: Promise.resolve() };
    const settle = async (): Promise<void> => {
      while (work.again && !this.#stop.signal.aborted) {
        work.again = false;
        await this.#settle(uuid);
      }
      this.#work.delete(uuid);
    };
    this.#work.set(uuid, work);
    work.done = settle();
    return work.done;
  }

  async #settle(uuid: string): Promise<void> {
    const stop = this.#stop.signal;
    try {
      const seen = await snapshotDomain(this.host, uuid, stop);
      const task = taskOf(seen);
      if (task.do === 'nothing') return;
      if (task.do === 'act' && this.#waits(seen, task.info)) return;
      // Whoever is at it will tell, or be looked after when that job has ended.
      const holder = this.host.jobs.holder(uuid);
      if (holder !== undefined && holder.operation !== 'modify') return;
      const name = seen.info?.name ?? seen.note?.name ?? uuid;
      using _job = await this.host.jobs.take(uuid, name, 'looking after it', stop);
      // From here on it is brought to its end, also when the watcher is to stop.
      await settleDomain(this.host, uuid, AbortSignal.timeout(this.#actMs));
    } catch (error) {
      if (stop.aborted || (error instanceof RefusedError && error.code === 'E_REFUSED_BUSY')) return; // the next sweep
      this.host.log(`${uuid}: looking after it failed: ${messageOf(error)}`);
    }
  }

  /** True where it starts and ends too fast to be dealt with at once: it is looked at again when its time has come. */
  #waits({ uuid, note }: DomainSnapshot, { name, domid }: DomainInfo): boolean {
    const ranMs = note === undefined || note.state === 'shutoff' ? undefined : Date.now() - Date.parse(note.at);
    const delayMs = this.#pacer.delay(uuid, domid, ranMs, performance.now());
    if (delayMs === 0) return false;
    if (!this.#later.has(uuid)) {
      this.host.log(`${name}: it ends as soon as it has started; left as it is for ${Math.ceil(delayMs / 1000)} s`);
      const again = (): void => {
        this.#later.delete(uuid);
        void this.look(uuid);
      };
      this.#later.set(uuid, setTimeout(again, delayMs));
    }
    return true;
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    while (!this.#isOver()) {
      try {
        for await (const event of this.host.toolstack.events(signal)) this.#take(event);
      } catch (error) {
        if (!this.#isOver()) this.host.log(`the toolstack's events broke off: ${messageOf(error)}`);
      }
      await sleep(LISTEN_AGAIN_MS, undefined, { signal }).catch(() => undefined); // stopped: the loop ends
    }
  }

  #take(event: ToolstackEvent): void {
    if (event.type !== 'disk-eject') {
      void this.look(event.uuid).then(() => this.#sweepSoon());
      return;
    }
    const { uuid, domid, vdev } = event;
    const domain = this.host.runs.get(uuid)?.name ?? uuid;
    this.host.events.tell({ domain, uuid, id: domid, what: { type: 'tray-change', device: vdev } });
  }

  /** Every domain, one after the other: one that cannot be looked at does not keep us from the others. */
  async #sweep(): Promise<void> {
    const { signal } = this.#stop;
    while (!this.#isOver()) {
      this.#sweepsAgain = false;
      try {
        const all = await snapshotDomains(this.host, signal);
        for (const snapshot of all) if (taskOf(snapshot).do !== 'nothing') await this.look(snapshot.uuid);
        this.#pacer.keepOnly(new Set(all.map(({ uuid }) => uuid)));
        this.options.onSwept?.(all);
      } catch (error) {
        if (!this.#isOver()) this.host.log(`the domains could not be looked at: ${messageOf(error)}`);
      }
      await this.#untilNextSweep();
    }
  }

  /** Some time, or until something has happened. */
  async #untilNextSweep(): Promise<void> {
    const { signal } = this.#stop;
    if (this.#isOver() || this.#sweepsAgain) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, this.#sweepMs);
      signal.addEventListener('abort', end, { once: true });
      this.#wakeSweep = end;
    });
  }

  #sweepSoon(): void {
    this.#sweepsAgain = true;
    this.#wakeSweep();
  }

  /** What had to wait for a long job is looked at when that ends. */
  async #afterJobs(): Promise<void> {
    const { signal } = this.#stop;
    await using events = this.host.events.subscribe({ filter: (event) => event.what.type === 'job' });
    const end = (): void => void events.return?.();
    signal.addEventListener('abort', end, { once: true });
    try {
      for await (const event of events) if (!('missed' in event)) void this.look(event.uuid);
    } catch (error) {
      this.host.log(`the events of jobs broke off, the sweep goes on: ${messageOf(error)}`);
    }
  }

  /** Stops watching; what has begun is brought to its end first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#later.values()) clearTimeout(timer);
    await this.#running;
    await Promise.all([...this.#work.values()].map(({ done }) => done));
  }
}
