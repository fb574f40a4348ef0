import type { EncoderCounts } from '../codec/batch-encoder.js';
import type { StreamPackCounts } from '../codec/stream-packer.js';
import type { Downtime } from './downtime.js';
import type { TransferEvent } from '../toolstack/toolstack.js';

/** The phase of a migration, for people and for progress displays. */
export type Phase = 'begin' | 'prepare' | 'perform' | 'finish' | 'confirm';

/** The guest's place after a migration, as far as it is known. */
export type GuestPlace =
  /** Running at the source, as before. */
  | 'source-running'
  /** At the source, paused, as it was before. */
  | 'source-paused'
  /** At the source, suspended by the save; it could not be resumed. */
  | 'source-suspended'
  /** At the source, but the guest itself stopped, crashed or was destroyed meanwhile. */
  | 'source-stopped'
  /** At the destination. */
  | 'destination'
  /** Suspended at the source; whether the destination runs it is not known. */
  | 'in-doubt';

/** What the codec has saved and cost so far. Bytes, and ms of this process's time. */
export interface EncodeCounts extends EncoderCounts, StreamPackCounts {
  /** Finding what need not be sent, without the digest. */
  readonly encodeMs: number;
}

/** What the stages have saved and cost so far: bytes, and ms of this process. Absent codec: the stream went as it was. */
export interface StageCounts {
  readonly codec?: EncodeCounts;
  readonly digestMs: number;
  /** Waiting for the lanes to take more. */
  readonly sendWaitMs: number;
}

export type ProgressEvent =
  | { readonly type: 'phase'; readonly phase: Phase }
  | TransferEvent
  | { readonly type: 'bytes'; readonly rawBytes: number; readonly wireBytes: number; readonly stages?: StageCounts }
  | { readonly type: 'notice'; readonly text: string }
  /** A connection broke, or is there again; `lane` where it is not the control connection. */
  | { readonly type: 'connection'; readonly state: 'lost' | 'back'; readonly lane?: number; readonly why?: string };

/** How a migration ended, seen from the source. */
export interface DepartureReport {
  readonly place: GuestPlace;
  /** The first thing that went wrong; absent when the guest has arrived and everything is settled. */
  readonly error?: Error;
  readonly phase: Phase;
  /** The stop was requested. */
  readonly cancelled: boolean;
  /** Problems that did not change where the guest is. */
  readonly warnings: readonly string[];
  readonly runningThere: boolean;
  /** The destination has reported that it keeps a definition of the guest. */
  readonly persistentThere: boolean;
  readonly totalMs: number;
  /** From the guest's suspension until it ran at the destination: `downtime.totalMs`. */
  readonly downtimeMs?: number;
  /** The same with its parts. */
  readonly downtime?: Downtime;
  readonly rawBytes: number;
  readonly wireBytes: number;
  /** Time in which the stream was on its way: from its first byte to the destination having the last. */
  readonly transferMs: number;
  readonly stages?: StageCounts;
  /** Passes over memory, the first and the one under suspension included. */
  readonly rounds: number;
  readonly lanes: number;
  readonly transport: string;
  /** Connections that broke and were made again. */
  readonly reconnects: number;
  readonly digest?: string;
}
