import { asError } from '../errors/message-of.js';
import type { Frame } from './frame.js';
import type { LaneLink } from './lane-link.js';

/** One lane of a transfer. */
export interface Lane {
  readonly link: LaneLink;
  /** Which of the transfer's places it fills; one that is lost is replaced under the same number. */
  readonly index: number;
  readonly since: number;
  /** The connection is still taking a frame, beyond the queue's bound. */
  full: boolean;
  /** The far side has sent BYE on it. */
  closed: boolean;
}

/** Callbacks of a group's lanes. */
export interface LaneEvents {
  /** Each frame, in the lane's order. What it throws ends the lane. */
  readonly onFrame: (frame: Frame, lane: Lane) => void;
  /** The lane's end: BYE without an error. Not called for a lane that was removed. */
  readonly onEnd: (lane: Lane, error: Error | undefined) => void;
}

/** What a transfer has moved so far. */
export interface LaneCounters {
  /** Bytes of the transfer itself. */
  readonly rawBytes: number;
  /** Bytes of all frames on the lanes: packed, with headers and repeats. */
  readonly wireBytes: number;
  /** Bytes that the far consumer has taken. */
  readonly ackedBytes: number;
  /** Wire bytes lane by lane. */
  readonly perLaneBytes: readonly number[];
}

/** The lanes that one side of a transfer has at the moment: listens to each, and counts the bytes of all, past ones included. */
export class LaneGroup {
  #lanes: Lane[] = [];
  /** Wire bytes by index: of lanes that are gone, less what the present one had moved before it joined. */
  readonly #bytes: number[] = [];

  constructor(
    private readonly direction: 'sentBytes' | 'receivedBytes',
    private readonly events: LaneEvents,
  ) {}

  get all(): readonly Lane[] {
    return this.#lanes;
  }

  /** Lanes on which the far side has not sent BYE. */
  get open(): number {
    return this.#lanes.reduce((count, lane) => count + (lane.closed ? 0 : 1), 0);
  }

  get perLaneBytes(): readonly number[] {
    const bytes = this.#bytes.slice();
    for (const { link, index } of this.#lanes) bytes[index] += link[this.direction];
    return bytes;
  }

  get wireBytes(): number {
    return this.perLaneBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Takes ownership of an open link and listens to it. */
  add(link: LaneLink, index: number): Lane {
    const lane: Lane = { link, index, since: performance.now(), full: false, closed: false };
    while (this.#bytes.length <= index) this.#bytes.push(0);
    this.#bytes[index] -= link[this.direction];
    this.#lanes.push(lane);
    void this.#listen(lane);
    return lane;
  }

  /** Cuts a lane and removes it. False if it was removed already. */
  remove(lane: Lane, error?: Error): boolean {
    const at = this.#lanes.indexOf(lane);
    if (at < 0) return false;
    this.#lanes.splice(at, 1);
    lane.link.destroy(error);
    this.#bytes[lane.index] += lane.link[this.direction];
    return true;
  }

  /** The lane to use next: one with room before one without, then the one with least waiting. */
  quietest(): Lane | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.closed) continue;
      if (best === undefined || isQuieter(lane, best)) best = lane;
    }
    return best;
  }

  destroy(error: Error): void {
    for (const lane of this.#lanes) lane.link.destroy(error);
  }

  /** Says goodbye on every lane. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.link.close(deadlineMs)));
  }

  /** Hears one lane, until it ends. Never rejects. */
  async #listen(lane: Lane): Promise<void> {
    let failure: Error | undefined;
    try {
      for (;;) {
        const frame = await lane.link.receive();
        if (!this.#lanes.includes(lane)) return;
        if (frame === undefined) break;
        this.events.onFrame(frame, lane);
      }
    } catch (error) {
      failure = asError(error);
    }
    if (!this.#lanes.includes(lane)) return;
    lane.closed = true;
    this.events.onEnd(lane, failure);
  }
}

function isQuieter(lane: Lane, than: Lane): boolean {
  return lane.full === than.full ? lane.link.pendingBytes < than.link.pendingBytes : than.full;
}
