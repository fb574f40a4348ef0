import type { Frame } from './frame.js';
import type { PeerIdentity } from './peer-identity.js';

/** What a transfer needs of the link that is one of its lanes: a `FrameLink`, or one that lives in another thread. */
export interface LaneLink {
  readonly peer: PeerIdentity;
  /** True where DATA must lie in shared memory for another thread to see it. */
  readonly threaded?: boolean;
  /** Set by a sender of shared memory: called for each DATA payload given to `send` when no thread reads it any more. */
  onUnused?: ((payload: Uint8Array) => void) | undefined;
  /** Bytes given to `send` that the connection has not taken yet. */
  readonly pendingBytes: number;
  /** Bytes of all frames sent and received, headers included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Resolves once more may be sent; rejects when the link fails or has ended. The payload must not change any more. */
  send(frame: Frame): Promise<void>;
  /** The next frame; undefined after the peer's BYE. Rejects with the error of the link. */
  receive(): Promise<Frame | undefined>;
  /** The payload of a received frame is not used any more: its memory may hold another. Need not be called. */
  release?(payload: Uint8Array): void;
  /** Says goodbye; cuts the connection after the deadline. Never rejects. */
  close(deadlineMs?: number): Promise<void>;
  /** Cuts the connection now. */
  destroy(error?: Error): void;
}

/** A link that speaks frames, from its OPEN on: a `FrameLink`, or one that lives in another thread. */
export interface FramedLink extends LaneLink {
  /** What ended the link, if it did not end by goodbye. */
  readonly failure: Error | undefined;
  /** Announces the purpose of this link and returns the peer's answer. Rejects with the peer's reason when it refuses. */
  open(hello: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** The peer's OPEN payload. */
  awaitOpen(signal: AbortSignal): Promise<Uint8Array>;
  /** Accepts the link. Frames sent after the call follow the answer. */
  answer(payload: Uint8Array): Promise<void>;
  /** Refuses the link and ends it. Never rejects. */
  refuse(reason: unknown): Promise<void>;
  receive(signal?: AbortSignal): Promise<Frame | undefined>;
}
