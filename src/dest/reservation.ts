import type { TransferEvent } from '../toolstack/toolstack.js';

/** A name and a UUID that are held, and those on this host who ask how far the arrival is, or to stop it. */
export interface Reservation extends Disposable {
  /** Fires when a user of this host aborts the arrival. */
  readonly cancel: AbortSignal;
  /** How many bytes there will be, about. */
  expect(totalBytes: number): void;
  note(event: TransferEvent | { readonly type: 'bytes'; readonly rawBytes: number; readonly wireBytes: number }): void;
  /** From now on a wish to stop is refused, and this is why. */
  refuseAbort(why: string): void;
  settle(result: 'completed' | 'failed' | 'cancelled', error?: Error): void;
}

/** Holds a name and a UUID on this host against every other process; released when the arrival has settled. */
export type Reserve = (
  uuid: string,
  name: string,
  why: string,
  signal: AbortSignal,
  kind: 'arrival' | 'settling',
) => Promise<Reservation>;
