import { ProtocolError } from '../errors/errors.js';
import type { Frame } from './frame.js';

interface Kept<Lane> {
  readonly frame: Frame;
  /** The lane it was sent over last; undefined if that one is lost. */
  lane: Lane | undefined;
}

/**
 * DATA frames that were sent and not yet acknowledged, in order of their sequence: what a lost lane
 * would have to be sent again.
 */
export class RetainedFrames<Lane> {
  readonly #frames: Kept<Lane>[] = [];
  #orphans: Kept<Lane>[] = [];
  #nextSequence = 0;
  #nextOffset = 0;
  #ackedSequence = 0;
  #ackedOffset = 0;

  /** @param onDropped called for each frame that need not be kept any more */
  constructor(private readonly onDropped: (frame: Frame) => void = () => undefined) {}

  /** The sequence the next frame gets. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** The offset the next frame's payload gets: bytes carried so far. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** Bytes that the peer's consumer has taken. */
  get ackedBytes(): number {
    return this.#ackedOffset;
  }

  /** Bytes held here. */
  get bytes(): number {
    return this.#frames.length === 0 ? 0 : this.#nextOffset - this.#ackedOffset;
  }

  get count(): number {
    return this.#nextSequence - this.#ackedSequence;
  }

  /** Keeps a frame whose sequence and offset are the next ones. */
  add(frame: Frame, lane: Lane): void {
    this.#frames.push({ frame, lane });
    this.#nextSequence += 1;
    this.#nextOffset += frame.payload.length;
  }

  /**
   * Drops what an ACK covers. An ACK that is overtaken by a later one is outdated and
   * changes nothing; one that contradicts what was sent is a `ProtocolError`.
   */
  acknowledge(sequence: number, offset: number): void {
    if (sequence > this.#nextSequence || offset > this.#nextOffset) throw this.#nonsense(sequence, offset);
    if (sequence < this.#ackedSequence) return;
    const covered = sequence - this.#ackedSequence;
    const first = this.#frames.at(covered);
    if (offset !== (first?.frame.offset ?? this.#nextOffset)) throw this.#nonsense(sequence, offset);
    const dropped = this.#frames.splice(0, covered); // at most WINDOW_FRAMES long, so shifting it is cheap
    this.#ackedSequence = sequence;
    this.#ackedOffset = offset;
    for (const { frame } of dropped) this.onDropped(frame);
  }

  /** The lane is lost: returns the frames that have to be sent again. */
  orphan(lane: Lane): Frame[] {
    const lost = this.#frames.filter((kept) => kept.lane === lane);
    for (const kept of lost) kept.lane = undefined;
    this.#orphans = this.#frames.filter((kept) => kept.lane === undefined);
    return lost.map(({ frame }) => frame);
  }

  /** The first frame that no lane has, given to this one; undefined where every frame is under way. */
  adopt(lane: Lane): Frame | undefined {
    const orphan = this.#nextOrphan();
    if (orphan === undefined) return undefined;
    this.#orphans.shift();
    orphan.lane = lane;
    return orphan.frame;
  }

  /** Whether frames wait for being sent again. */
  get hasOrphans(): boolean {
    return this.#nextOrphan() !== undefined;
  }

  #nextOrphan(): Kept<Lane> | undefined {
    // One that was acknowledged meanwhile had arrived before its lane was lost.
    while (this.#orphans.length > 0 && this.#orphans[0].frame.sequence < this.#ackedSequence) this.#orphans.shift();
    return this.#orphans.at(0);
  }

  clear(): void {
    this.#frames.length = 0;
    this.#orphans = [];
  }

  #nonsense(sequence: number, offset: number): ProtocolError {
    return new ProtocolError(
      'E_PROTOCOL_ACK',
      `ACK of ${sequence} frames and ${offset} bytes contradicts what was sent: ${this.#nextSequence} frames, ${this.#nextOffset} bytes`,
      {
        hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
        data: { sequence, offset, sentFrames: this.#nextSequence, sentBytes: this.#nextOffset },
      },
    );
  }
}
