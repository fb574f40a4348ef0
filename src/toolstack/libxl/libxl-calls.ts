import { AbortedError, XenferryError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { guestDomid, type Domid } from '../domid.js';
import type { TransferEvent } from '../toolstack.js';
import type { EventPump } from './event-pump.js';
import type { LogTap } from './log-tap.js';
import type { LibxlNative, OperationTag } from './native.js';
import { libxlError, RC_OK } from './return-code.js';

/** How a long call is followed and aborted. */
export interface Transfer {
  readonly signal: AbortSignal;
  readonly heard: (event: TransferEvent) => void;
}

/** Calls of libxl: return codes become errors with the lines that libxl logged meanwhile, and domain 0 is protected. */
export class LibxlCalls {
  readonly native: LibxlNative;
  readonly #pump: EventPump;
  readonly #tap: Pick<LogTap, 'during'>;

  constructor(native: LibxlNative, pump: EventPump, tap: Pick<LogTap, 'during'>) {
    this.native = native;
    this.#pump = pump;
    this.#tap = tap;
  }

  /** A call whose result is not a return code alone, with the errors that libxl logged during it. */
  async during<T>(
    id: Domid | undefined,
    call: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly errors: readonly string[] }> {
    return await this.#tap.during(id, undefined, call);
  }

  /**
   * The only way to a call that stops, moves or kills a domain: the id is checked again right before it, so
   * that no error in a caller can make it domain 0's.
   */
  async mutate(
    done: string,
    id: Domid,
    doing: string,
    transfer: Transfer | undefined,
    start: (domid: Domid, tag: OperationTag) => Promise<number>,
  ): Promise<void> {
    await this.run(
      doing,
      id,
      () => this.operation((tag) => start(guestDomid(id, done), tag), transfer?.signal),
      transfer,
    );
  }

  /** A call and its return code. */
  async run(doing: string, id: Domid | undefined, call: () => Promise<number>, transfer?: Transfer): Promise<void> {
    transfer?.signal.throwIfAborted();
    const { result: rc, errors } = await this.#tap.during(id, transfer?.heard, call);
    if (rc === RC_OK) return;
    if (transfer?.signal.aborted === true) throw abortReason(transfer.signal);
    throw libxlError({ doing, rc, log: errors, ...(id === undefined ? {} : { domid: id }) });
  }

  /** An asynchronous call: resolves with its return code when libxl reports its end. */
  async operation(start: (tag: OperationTag) => Promise<number>, signal: AbortSignal | undefined): Promise<number> {
    return await this.#pump.run(start, signal);
  }
}

function abortReason(signal: AbortSignal): XenferryError {
  const reason = asError(signal.reason);
  return reason instanceof XenferryError ? reason : new AbortedError(reason.message, { cause: reason });
}
