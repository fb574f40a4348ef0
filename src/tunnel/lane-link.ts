import type { Frame } from './frame.js';
import type { PeerIdentity } from './link.js';

/** What a transfer needs of the link that is one of its lanes: a `FrameLink`, or one that lives in another thread. */
export interface LaneLink {
  readonly peer: PeerIdentity;
  /** Bytes given to `send` that the connection has not taken yet. */
  readonly pendingBytes: number;
  /** Bytes of all frames sent and received, headers included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Resolves once more may be given; rejects when the link fails or has ended. The payload must not change any more. */
  send(frame: Frame): Promise<void>;
  /** The next frame, never packed; undefined after the peer's goodbye. Rejects with what broke the link. */
  receive(): Promise<Frame | undefined>;
  /** Says goodbye; cuts the connection after the deadline. Never rejects. */
  close(deadlineMs?: number): Promise<void>;
  /** Cuts the connection now. */
  destroy(error?: Error): void;
}
