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

  /** What all make of a guest that comes in, one after the other; undefined where none has a say. */
  async arriving(guest: Domain, signal: AbortSignal): Promise<Domain | undefined> {
    let ruled: Domain | undefined;
    for (const one of this.all) ruled = (await one.arriving?.(ruled ?? guest, signal)) ?? ruled;
    return ruled;
  }

  /** In order; the first that objects ends it. */
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

  /** Everybody's `stopped`, then everybody's `release`, whatever any of them says. Never rejects. */
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
        this.log(`${changed.name}: ${one.name} did not take '${changed.change.event}': ${messageOf(error)}`);
      }
    }
  }

  async #tolerate(stopped: Stopped, one: LifecycleParticipant, work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log(`${stopped.name}: ${one.name} after its end: ${messageOf(error)}`);
    }
  }
}
