import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import type { ProgressEvent } from '../source/report.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';

/** What happens to a live migration that copies for too long (`--timeout`). */
export interface CopyTimeout {
  readonly seconds: number;
  /** Hold the guest, so that the copying comes to its end; or give the migration up. */
  readonly then: 'suspend' | 'cancel';
}

/** A held guest runs for so long of every period: it has to run to suspend itself when the copying is done. */
const PERIOD_MS = 500;
const RUNS_MS = 25;

/**
 * Watches over the copying of a live migration. Feed it every progress event; dispose it when the copying has ended, one way or the
 * other: a guest that it held is let go.
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
    /** A word about what is done. */
    private readonly say: (text: string) => void,
  ) {}

  /** Fires when the migration is to be given up. */
  get cancel(): AbortSignal {
    return this.#cancel.signal;
  }

  readonly take = (event: ProgressEvent): void => {
    if (event.type === 'phase' && event.phase === 'perform' && this.#timer === undefined) {
      this.#timer = setTimeout(this.#expire, this.timeout.seconds * 1000);
    }
    // From here on the guest stands still anyway, and a given up migration would cost more than its end.
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
      this.say(`the guest cannot be held: ${messageOf(error)}`);
    } finally {
      // It may have gone, or stand suspended: then this means nothing.
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
