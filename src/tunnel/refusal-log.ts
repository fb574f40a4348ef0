import { codeOf, messageOf } from '../errors/message-of.js';

/** Lines that are written in full in each span; further ones are counted, by code. */
const LINES = 10;
const SPAN_MS = 10_000;

/** A failed connection. */
export interface FailedConnection {
  readonly address: string;
  readonly reason: unknown;
}

/** Writes down who was turned away, without letting a flood fill the disk. */
export class RefusalLog implements Disposable {
  readonly #held = new Map<string, number>();
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: (line: string) => void,
    private readonly spanMs = SPAN_MS,
    /** The start of a line, and the text for omitted ones. */
    private readonly words = { line: 'refused ', more: 'refused more connections than are listed' },
  ) {}

  readonly note = ({ address, reason }: FailedConnection): void => {
    this.#timer ??= setTimeout(() => {
      this.#flush();
    }, this.spanMs).unref();
    this.#lines += 1;
    if (this.#lines <= LINES) this.log(`${this.words.line}${address}: ${messageOf(reason)}`);
    else this.#hold(codeOf(reason));
  };

  #hold(code: string): void {
    this.#held.set(code, (this.#held.get(code) ?? 0) + 1);
  }

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
    this.log(`${this.words.more}: ${counts.join(', ')}`);
  }
}
