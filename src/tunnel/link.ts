import type { KeepaliveOptions } from './keepalive.js';
import type { Duplex } from 'node:stream';
import type { FramedLink } from './lane-link.js';
import type { PeerIdentity } from './peer-identity.js';

/** One authenticated, encrypted, ordered stream of bytes. Its owner destroys it. */
export interface Link {
  readonly peer: PeerIdentity;
  readonly duplex: Duplex;
  destroy(error?: Error): void;
}

/** Opens further links to one peer. Rejects with a `TunnelError`; the signal ends the attempt. */
export interface Dialer extends AsyncDisposable {
  /** The transport's name as reports show it: `tls`, `ssh`, `ssh+tls`. */
  readonly transport: string;
  readonly target: string;
  /** How its links show that they are alive; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
  dial(signal: AbortSignal): Promise<Link>;
  /** A link that takes a lost one's place: to the very process that the first one reached, never to a new one. */
  dialAgain(signal: AbortSignal): Promise<Link>;
  /** As `dial`, or as `dialAgain`, for a link that carries data: it runs in a thread of its own if possible. */
  dialLane(signal: AbortSignal, again: boolean): Promise<FramedLink>;
}
