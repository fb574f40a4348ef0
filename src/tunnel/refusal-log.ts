import { messageOf } from '../errors/message-of.js';
import type { RefusedConnection } from './tls-gate.js';

/** So many lines are written in full in each span; what comes beyond is counted, by code. */
const LINES = 10;
const SPAN_MS = 10_000;

/** Writes down who was turned away, without letting a flood fill the disk. */
export class RefusalLog implements Disposable {
  readonly #held = new Map<string, number>();
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: (line: string) => void,
    private readonly spanMs = SPAN_MS,
  ) {}

  readonly note = ({ address, reason }: RefusedConnection): void => {
    this.#timer ??= setTimeout(() => {
      this.#flush();
    }, this.spanMs).unref();
    this.#lines += 1;
    if (this.#lines <= LINES) this.log(`refused ${address}: ${messageOf(reason)}`);
    else this.#held.set(reason.code, (this.#held.get(reason.code) ?? 0) + 1);
  };

  [Symbol.dispose](): void {
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lines = 0;
    if (this.#held.size === 0) return;
    const counts = [...this.#held].map(([code, count]) => `${code} ${count}x`);
    this.#held.clear();
    this.log(`refused more connections than are listed: ${counts.join(', ')}`);
  }
}
