import type { OwnedFd } from '../owned-fd.js';

/**
 * What is written to a file that the user names. In this order: `write`, any number of times; `stream`, once; `settled`; `keep`.
 * Disposing it before `keep` leaves nothing of a plain file; what a pipe or a device was sent cannot be taken back.
 */
export interface Output extends AsyncDisposable {
  /** Whether nothing is left of it, or the old file, where it is disposed of early. */
  readonly isAtomic: boolean;
  /** Why bytes could not be passed on, where that failed. */
  readonly failure: Error | undefined;
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** The descriptor that the rest is written to; whoever asks owns it, and closes it at the end. */
  stream(): OwnedFd;
  /** Resolves once everything is where it was to go; a pipe's reader has taken it. Rejects where it has not. */
  settled(signal: AbortSignal): Promise<void>;
  /** Makes it durable, and puts a plain file under its name. Throws the system's error. */
  keep(): void;
}
