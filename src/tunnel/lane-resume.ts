import { asError } from '../errors/message-of.js';
import type { LaneLink } from './lane-link.js';
import { connectionGone, dialUntil, mayHeal } from './reconnecting.js';

/** How a sender replaces lanes that it lost. */
export interface LaneResume {
  /** How long it may be without any lane, in ms; 0: the first lost lane ends the transfer. */
  readonly forMs: number;
  /** Opens the lane anew: connects, shows the migration's token, has been let in. */
  readonly redial: (index: number, signal: AbortSignal) => Promise<LaneLink>;
  readonly onLost?: ((index: number, error: Error) => void) | undefined;
  readonly onBack?: ((index: number) => void) | undefined;
}

/** A lane that lives longer than this was not broken from the start: the next loss of it is dialled at once. */
const SETTLED_MS = 2000;

/** Dials lost lanes again, each on its own, and detects when that has lasted too long. */
export class LaneReplacer implements Disposable {
  readonly #over = new AbortController();
  readonly #tries = new Map<number, number>();
  #outage: NodeJS.Timeout | undefined;
  #lastError: Error | undefined;
  #replaced = 0;

  /**
   * @param adopt takes a new lane over
   * @param fail called when the transfer cannot continue
   */
  constructor(
    private readonly resume: LaneResume,
    private readonly adopt: (link: LaneLink, index: number) => void,
    private readonly fail: (error: Error) => void,
  ) {}

  /** How many lanes were replaced so far. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Whether the transfer can outlive this. */
  outlives(error: Error): boolean {
    return this.resume.forMs > 0 && mayHeal(error);
  }

  /** A lane is lost. @param livedMs its lifetime; @param left the number of remaining lanes */
  lost(index: number, error: Error, livedMs: number, left: number): void {
    this.#lastError = error;
    this.resume.onLost?.(index, error);
    if (livedMs > SETTLED_MS) this.#tries.delete(index);
    if (left === 0) {
      this.#outage ??= setTimeout(() => {
        this.fail(connectionGone(this.resume.forMs, this.#lastError));
      }, this.resume.forMs);
    }
    void this.#replace(index);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#outage);
    this.#over.abort();
  }

  async #replace(index: number): Promise<void> {
    try {
      const tries = this.#tries.get(index) ?? 0;
      const link = await dialUntil((signal) => this.resume.redial(index, signal), {
        signal: this.#over.signal,
        tries,
        onFailed: (error) => {
          this.#lastError = error;
        },
      });
      this.#tries.set(index, tries + 1);
      if (this.#over.signal.aborted) {
        link.destroy();
        return;
      }
      clearTimeout(this.#outage);
      this.#outage = undefined;
      this.#replaced += 1;
      this.adopt(link, index);
      this.resume.onBack?.(index);
    } catch (error) {
      if (!this.#over.signal.aborted) this.fail(asError(error));
    }
  }
}
