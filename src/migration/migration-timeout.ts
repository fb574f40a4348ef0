import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import type { ProgressEvent } from '../source/report.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';

/** The action on a live migration that copies for too long (`--timeout`). */
export interface CopyTimeout {
  readonly seconds: number;
  /** Throttle the guest, so that the copying ends; or cancel the migration. */
  readonly then: 'suspend' | 'cancel';
}

/** Part of every period in which a held guest runs: it has to run to suspend itself when the copying is done. */
const PERIOD_MS = 500;
const RUNS_MS = 25;

/**
 * Supervises the copying of a live migration. Feed it every progress event; dispose it when the copying has ended, in
 * any way: a guest that it held is released.
 */
export class CopyWatch implements AsyncDisposable {
  readonly #cancel = new AbortController();
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #holding: Promise<void> = Promise.resolve();

  constructor(
    private readonly toolstack: Pick<Toolstack, 'pause' | 'unpause'>,
    private readonly domid: Domid,
    private readonly timeout: CopyTimeout,
    /** Called with a message about the action. */
    private readonly say: (text: string) => void,
  ) {}

  /** Fires when the migration is to be cancelled. */
  get cancel(): AbortSignal {
    return this.#cancel.signal;
  }

  readonly take = (event: ProgressEvent): void => {
    if (event.type === 'phase' && event.phase === 'perform' && this.#timer === undefined) {
      this.#timer = setTimeout(this.#expire, this.timeout.seconds * 1000);
    }
    // From here on the guest is suspended anyway, and cancelling would cost more than completing.
    if (event.type === 'suspended') this.#end();
  };

  readonly #expire = (): void => {
    const { seconds } = this.timeout;
    if (this.timeout.then === 'cancel') {
      this.#cancel.abort(
        new DeadlineError('E_DEADLINE_COPY', `copying took longer than the ${seconds} s of --timeout`, {
          hint: 'Try again when the guest writes less, with more --bandwidth, or with --timeout-suspend.',
        }),
      );
      return;
    }
    this.say(`copying took longer than ${seconds} s: the guest is held until it is done`);
    this.#holding = this.#hold();
  };

  async #hold(): Promise<void> {
    try {
      while (!this.#over.signal.aborted) {
        await this.toolstack.pause(this.domid);
        await this.#wait(PERIOD_MS - RUNS_MS);
        await this.toolstack.unpause(this.domid);
        await this.#wait(RUNS_MS);
      }
    } catch (error) {
      this.say(`the guest could not be held: ${messageOf(error)}`);
    } finally {
      // It may have ended or be suspended: then the error has no meaning.
      await this.toolstack.unpause(this.domid).catch(() => undefined);
    }
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => undefined); // over: the loop ends
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    await this.#holding;
  }
}
