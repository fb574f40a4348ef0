import type { Hello } from '../control/messages.js';
import type { Requester } from '../control/requester.js';
import type { PeerIdentity } from '../tunnel/peer-identity.js';
import type { OutboundLanes } from './perform.js';

/** Open lanes; the caller that opened them ends them. */
export interface OpenLanes extends OutboundLanes {
  readonly count: number;
  /** Bytes that went over the wire so far, frame headers included. */
  readonly wireBytes: number;
  /** Resolves when the destination has taken what was written before this call. Rejects with what ended the transfer. Absent: that is not known. */
  drained?(): Promise<void>;
  destroy(error?: Error): void;
}

/** A destination that has answered our hello. What the leaving side needs of it, whatever the transport. */
export interface Destination extends AsyncDisposable {
  readonly hello: Hello;
  readonly identity: PeerIdentity;
  /** As reports show it: `tls`, `ssh`, `ssh+tls`. */
  readonly transport: string;
  readonly requester: Pick<Requester, 'request'>;
  /** False while a lost control connection is dialled again: then no answer is to be had soon. Absent: never false. */
  readonly connected?: boolean;
  openLanes(options: {
    readonly token: string;
    readonly count: number;
    readonly windowBytes: number;
    /** Frames that may be under way; absent: as many as the protocol allows. */
    readonly windowFrames?: number | undefined;
    readonly signal: AbortSignal;
  }): Promise<OpenLanes>;
}

/** Notices of the destination, and events of the connections. */
export interface DestinationEvents {
  /** How long lost connections are dialled again before they count as lost for good, in ms; absent: not at all. */
  readonly reconnectMs?: number;
  /** A connection broke and is dialled again, or is connected again; `lane` if it is not the control connection. */
  readonly onConnection?: (state: 'lost' | 'back', lane: number | undefined, why: Error | undefined) => void;
  readonly onFailed: (error: Error) => void;
  readonly onLost: (error: Error) => void;
}

/** Connects to the destination, as often as need be. The signal ends the attempt. */
export type Connect = (events: DestinationEvents, signal: AbortSignal) => Promise<Destination>;
