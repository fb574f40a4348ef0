import type { TransferEvent } from '../../toolstack.js';
import { monotonicMs } from '../clock.js';

/** At most 20 reports a second. */
const EVERY_MS = 50;

/** Reports the progress of a round: at its start, at its end, and at intervals. */
export class RoundProgress {
  readonly #emit: (event: TransferEvent) => void;
  readonly #round: number;
  readonly #pagesTotal: number;
  #pagesSent = 0;
  #toldMs = 0;

  constructor(emit: (event: TransferEvent) => void, round: number, pagesTotal: number) {
    this.#emit = emit;
    this.#round = round;
    this.#pagesTotal = pagesTotal;
    this.#tell();
  }

  sent(pages: number): void {
    this.#pagesSent += pages;
    if (monotonicMs() - this.#toldMs >= EVERY_MS || this.#pagesSent === this.#pagesTotal) this.#tell();
  }

  #tell(): void {
    this.#toldMs = monotonicMs();
    this.#emit({ type: 'round', round: this.#round, pagesSent: this.#pagesSent, pagesTotal: this.#pagesTotal });
  }
}
