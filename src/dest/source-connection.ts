import type { Comer } from './begun-by.js';

/** One control connection, as far as the arrivals are concerned. */
export interface SourceConnection extends Comer {
  /** Its identity, authenticated by the transport; a migration accepts requests from no other peer. */
  readonly peer: string;
  readonly hostname: string;
  /** How long the source and we outlive the loss of the connections, in ms; absent: not at all. */
  readonly reconnectMs?: number;
  /** The source has begun another conversation: this one is over, even where its link is only lost for now. */
  supersede?(): void;
  notify(migration: string, epoch: number, error: Error): void;
}
