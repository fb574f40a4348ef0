import type { OwnedFd } from '../owned-fd.js';

/**
 * An output to a file that the user names. In this order: `write`, any number of times; `stream`, once; `settled`;
 * `keep`. Disposing it before `keep` removes a plain file; bytes that a pipe or a device received cannot be taken back.
 */
export interface Output extends AsyncDisposable {
  /** Whether disposing it early leaves nothing, or the old file. */
  readonly isAtomic: boolean;
  /** Why bytes could not be passed on, where that failed. */
  readonly failure: Error | undefined;
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** The descriptor that the rest is written to; the caller owns it, and closes it at the end. */
  stream(): OwnedFd;
  /** Resolves once all bytes have been delivered: a pipe's reader has taken them. Rejects if that failed. */
  settled(signal: AbortSignal): Promise<void>;
  /** Makes it durable, and puts a plain file under its name. Throws the system's error. */
  keep(): void;
}
