import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo, ToolstackEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { RestartPacer } from './restart-pacer.js';
import { settleDomain, taskOf } from './settle-domain.js';
import { snapshotDomain, snapshotDomains, type DomainSnapshot } from './domain-snapshot.js';

/** Options of a watcher. */
export interface WatchOptions {
  /** Interval of the sweep over all domains, in ms, in case that an event was missed. */
  readonly sweepMs?: number | undefined;
  /** Longest duration of an action such as a restart or a core dump, in ms. */
  readonly actMs?: number | undefined;
  /** Called after each sweep. */
  readonly onSwept?: ((snapshots: readonly DomainSnapshot[]) => void) | undefined;
}

const SWEEP_MS = 15_000;
/** Longer than building a large guest or writing its core takes. */
const ACT_MS = 30 * 60_000;
/** Pause before subscribing to the toolstack's events again. */
const LISTEN_AGAIN_MS = 1000;

/**
 * Watches the domains of a host: a guest that stops by itself is handled by its definition, and a domain that died is
 * cleaned up, whichever process started it. It works under each domain's job, so it does not interfere with other
 * operations; it leaves migrating domains alone. At most one process of a host may watch: the caller holds the
 * `WatchLock`.
 */
export class Watcher implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #work = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  readonly #pacer = new RestartPacer();
  /** Domains whose handling is delayed. */
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

  /** Handles a domain now; resolves when that is done. Never rejects. */
  look(uuid: string): Promise<void> {
    const busy = this.#work.get(uuid);
    if (busy !== undefined) {
      // An event during the step may have been missed.
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
      // The holder of the job handles it, or it is handled when that job has ended.
      const holder = this.host.jobs.holder(uuid);
      if (holder !== undefined && holder.operation !== 'modify') return;
      const name = seen.info?.name ?? seen.note?.name ?? uuid;
      using _job = await this.host.jobs.take(uuid, name, 'checking it', stop);
      // From here on it is completed, also when the watcher is stopped.
      await settleDomain(this.host, uuid, AbortSignal.timeout(this.#actMs));
    } catch (error) {
      if (stop.aborted || (error instanceof RefusedError && error.code === 'E_REFUSED_BUSY')) return; // the next sweep
      this.host.log(`${uuid}: checking it failed: ${messageOf(error)}`);
    }
  }

  /** True if it starts and ends too fast to be handled at once: it is handled when its delay has passed. */
  #waits({ uuid, note }: DomainSnapshot, { name, domid }: DomainInfo): boolean {
    const ranMs = note === undefined || note.state === 'shutoff' ? undefined : Date.now() - Date.parse(note.at);
    const delayMs = this.#pacer.delay(uuid, domid, ranMs, performance.now());
    if (delayMs === 0) return false;
    if (!this.#later.has(uuid)) {
      this.host.log(`${name}: it ends as soon as it has started; restart delayed by ${Math.ceil(delayMs / 1000)} s`);
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
        if (!this.#isOver()) this.host.log(`the toolstack's event stream failed: ${messageOf(error)}`);
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

  /** Sweeps all domains, one after the other: a failure with one does not keep the others from being handled. */
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
        if (!this.#isOver()) this.host.log(`the domains could not be listed: ${messageOf(error)}`);
      }
      await this.#untilNextSweep();
    }
  }

  /** Waits for the interval, or until an event. */
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

  /** Domains that had to wait for a long job are handled when that ends. */
  async #afterJobs(): Promise<void> {
    const { signal } = this.#stop;
    await using events = this.host.events.subscribe({ filter: (event) => event.what.type === 'job' });
    const end = (): void => void events.return?.();
    signal.addEventListener('abort', end, { once: true });
    try {
      for await (const event of events) if (!('missed' in event)) void this.look(event.uuid);
    } catch (error) {
      this.host.log(`the event stream of jobs failed, the sweep continues: ${messageOf(error)}`);
    }
  }

  /** Stops watching; work that has begun is completed first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#later.values()) clearTimeout(timer);
    await this.#running;
    await Promise.all([...this.#work.values()].map(({ done }) => done));
  }
}
