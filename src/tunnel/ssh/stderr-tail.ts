import { bounded, printableLine } from '../../errors/printable.js';

const MAX_LINES = 20;
const MAX_LINE_CHARS = 400;

/** The last lines that a remote command wrote to its standard error. Bounded, and safe to print. */
export class StderrTail {
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder();
  #partial = '';

  add(chunk: Buffer): void {
    const parts = (this.#partial + this.#decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    this.#partial = (parts.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const line of parts.slice(-MAX_LINES)) this.#keep(line);
  }

  /** Oldest first, without empty ones and without control characters. */
  lines(): readonly string[] {
    const last = shown(this.#partial);
    return last === '' ? [...this.#lines] : [...this.#lines, last].slice(-MAX_LINES);
  }

  #keep(line: string): void {
    const text = shown(line);
    if (text === '') return;
    this.#lines.push(text);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}

function shown(line: string): string {
  return bounded(printableLine(line.slice(0, MAX_LINE_CHARS)), MAX_LINE_CHARS).trim();
}
