import type { Readable } from 'node:stream';
import { bounded, printableLine } from '../../errors/printable.js';

const TAIL_LINES = 20;
/** A longer line is cut: the tail is for error messages. */
const LINE_CHARS = 500;

/** Keeps the last lines that a process wrote to its standard error, printable. */
export class StderrTail {
  readonly #lines: string[] = [];
  #open = '';

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const parts = (this.#open + text).split('\n');
      // Cut here too: a process that never ends a line must not fill our memory.
      this.#open = (parts.pop() ?? '').slice(-LINE_CHARS);
      for (const line of parts) this.#keep(line);
    });
    stream.on('error', () => undefined); // the process has ended; the text read so far is kept
  }

  lines(): string[] {
    return this.#open === '' ? [...this.#lines] : [...this.#lines, shown(this.#open)].slice(-TAIL_LINES);
  }

  #keep(line: string): void {
    if (line.trim() === '') return;
    this.#lines.push(shown(line));
    if (this.#lines.length > TAIL_LINES) this.#lines.shift();
  }
}

function shown(line: string): string {
  return bounded(printableLine(line.slice(0, LINE_CHARS)), LINE_CHARS);
}
