import type { Domain } from '../../domain/model.js';
import { messageOf } from '../../errors/message-of.js';
import type {
  Changed,
  LifecycleParticipant,
  Reconnecting,
  Started,
  Starting,
  Stopped,
} from './lifecycle-participant.js';

/** All lifecycle participants of a host, as one. */
export class LifecycleParticipants {
  constructor(
    private readonly all: readonly LifecycleParticipant[],
    private readonly log: (line: string) => void,
  ) {}

  /** An arriving guest after all participants have changed it, in order; undefined if none does. */
  async arriving(guest: Domain, signal: AbortSignal): Promise<Domain | undefined> {
    let ruled: Domain | undefined;
    for (const one of this.all) ruled = (await one.arriving?.(ruled ?? guest, signal)) ?? ruled;
    return ruled;
  }

  /** In order; the first objection stops it. */
  async prepare(starting: Starting, signal: AbortSignal): Promise<void> {
    for (const one of this.all) await one.prepare?.(starting, signal);
  }

  async start(starting: Starting, signal: AbortSignal): Promise<void> {
    for (const one of this.all) await one.start?.(starting, signal);
  }

  async started(started: Started, signal: AbortSignal): Promise<void> {
    for (const one of this.all) await one.started?.(started, signal);
  }

  async reconnect(found: Reconnecting, signal: AbortSignal): Promise<void> {
    for (const one of this.all) await one.reconnect?.(found, signal);
  }

  /** All `stopped`, then all `release`, whether or not any fails. Never rejects. */
  async stopped(stopped: Stopped): Promise<void> {
    for (const one of this.all) await this.#tolerate(stopped, one, () => one.stopped?.(stopped));
    for (const one of this.all) await this.#tolerate(stopped, one, () => one.release?.(stopped));
  }

  /** Never throws. */
  changed(changed: Changed): void {
    for (const one of this.all) {
      try {
        one.changed?.(changed);
      } catch (error) {
        this.log(`${changed.name}: ${one.name} failed at '${changed.change.event}': ${messageOf(error)}`);
      }
    }
  }

  async #tolerate(stopped: Stopped, one: LifecycleParticipant, work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log(`${stopped.name}: ${one.name} failed after its end: ${messageOf(error)}`);
    }
  }
}
