import process from 'node:process';
import type { ProgressEvent } from '../api/errors.js';
import type { StageCounts } from '../api/internal/report.js';
import { ratioOf, stageFigures } from './transfer-figures.js';
import { printable, printableJson } from '../api/internal/text.js';
import { bytesText } from './bytes-text.js';
import { noteColours } from './colours.js';

/** Shortest interval of lines in a log. */
const LOG_EVERY_MS = 2000;
/** Shortest interval of redrawing a bar. */
const DRAW_EVERY_MS = 100;
const BAR_CELLS = 24;
/** The rate is measured over the last seconds, not over the whole migration. */
const RATE_SPAN_MS = 3000;

interface Snapshot {
  phase: string;
  round: number;
  pagesSent: number;
  pagesTotal: number;
  rawBytes: number;
  wireBytes: number;
  suspended: boolean;
  stages: StageCounts | undefined;
}

export const PROGRESS_STYLES = ['auto', 'bar', 'lines', 'json', 'none'] as const;
type ProgressStyle = Exclude<(typeof PROGRESS_STYLES)[number], 'auto'>;

/** How progress is shown, all on stderr: the requested style; else JSON lines with --json, a bar on a terminal, or a line at intervals. */
export function progressStyle(options: {
  readonly progress: (typeof PROGRESS_STYLES)[number];
  readonly json?: boolean;
}): ProgressStyle {
  if (options.progress === 'bar' && !process.stderr.isTTY) return 'lines';
  if (options.progress !== 'auto') return options.progress;
  if (options.json === true) return 'json';
  return process.stderr.isTTY ? 'bar' : 'lines';
}

/** Shows the progress of a migration, save or restore. */
export class Progress implements Disposable {
  readonly #now: Snapshot = {
    phase: 'begin',
    round: 0,
    pagesSent: 0,
    pagesTotal: 0,
    rawBytes: 0,
    wireBytes: 0,
    suspended: false,
    stages: undefined,
  };
  readonly #samples: { readonly at: number; readonly bytes: number; readonly wireBytes: number }[] = [];
  readonly #startedAt = performance.now();
  #drawnAt = 0;
  #drawn = false;

  readonly #title: string;

  constructor(
    title: string,
    private readonly style: ProgressStyle,
  ) {
    this.#title = printable(title);
  }

  readonly take = (event: ProgressEvent): void => {
    const now = this.#now;
    switch (event.type) {
      case 'phase':
        now.phase = event.phase;
        this.#show(true);
        return;
      case 'round':
        now.round = event.round;
        now.pagesSent = event.pagesSent;
        now.pagesTotal = event.pagesTotal;
        break;
      case 'bytes':
        now.rawBytes = event.rawBytes;
        now.wireBytes = event.wireBytes;
        now.stages = event.stages;
        this.#sample(event.rawBytes, event.wireBytes);
        break;
      case 'suspended':
        now.suspended = true;
        break;
      case 'connection':
        this.#line(connectionText(event));
        return;
      case 'notice':
        this.#line(event.text);
        return;
      case 'log':
        if (event.level === 'error' || event.level === 'warning') this.#line(`${event.level}: ${event.text}`);
        return;
    }
    this.#show(false);
  };

  #sample(bytes: number, wireBytes: number): void {
    const at = performance.now();
    this.#samples.push({ at, bytes, wireBytes });
    while (this.#samples.length > 2 && this.#samples[0].at < at - RATE_SPAN_MS) this.#samples.shift();
  }

  get #bytesPerSecond(): number {
    return this.#perSecond('bytes');
  }

  #perSecond(figure: 'bytes' | 'wireBytes'): number {
    if (this.#samples.length < 2) return 0;
    const first = this.#samples[0];
    const last = this.#samples[this.#samples.length - 1];
    return last.at === first.at ? 0 : ((last[figure] - first[figure]) / (last.at - first.at)) * 1000;
  }

  /** Time left in this round, in ms; undefined while nothing is known. */
  get #etaMs(): number | undefined {
    const rate = this.#bytesPerSecond;
    const left = (this.#now.pagesTotal - this.#now.pagesSent) * 4096;
    return rate > 0 && this.#now.pagesTotal > 0 ? (Math.max(0, left) / rate) * 1000 : undefined;
  }

  #show(atOnce: boolean): void {
    const at = performance.now();
    const every = this.style === 'bar' ? DRAW_EVERY_MS : LOG_EVERY_MS / (this.style === 'json' ? 4 : 1);
    if (this.style === 'none' || (!atOnce && at - this.#drawnAt < every)) return;
    this.#drawnAt = at;
    if (this.style === 'json') {
      const { suspended, stages, ...rest } = this.#now;
      const event = {
        event: 'progress',
        ...rest,
        suspended,
        bytesPerSecond: Math.round(this.#bytesPerSecond),
        wireBytesPerSecond: Math.round(this.#perSecond('wireBytes')),
        ratio: ratioOf(rest.rawBytes, rest.wireBytes),
        ...(stages === undefined ? {} : { stages: stageFigures(stages) }),
        etaMs: this.#etaMs,
      };
      process.stderr.write(`${printableJson(event)}\n`);
    } else if (this.style === 'bar') {
      process.stderr.write(`\r\x1b[K${this.#text()}`);
      this.#drawn = true;
    } else {
      process.stderr.write(`${this.#text()}\n`);
    }
  }

  #text(): string {
    const { phase, round, pagesSent, pagesTotal, rawBytes, wireBytes, suspended } = this.#now;
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1);
    if (pagesTotal === 0) return `${this.#title}: ${phase}, ${seconds} s`;
    const part = Math.min(1, pagesSent / pagesTotal);
    const filled = Math.round(part * BAR_CELLS);
    const bar =
      this.style === 'bar'
        ? `${noteColours.cyan('█'.repeat(filled))}${noteColours.dim('░'.repeat(BAR_CELLS - filled))} `
        : '';
    const eta = this.#etaMs === undefined ? '' : `, ${(this.#etaMs / 1000).toFixed(0)} s left in it`;
    const state = suspended ? ', guest suspended' : '';
    return `${this.#title}: ${bar}${phase}, round ${round + 1}, ${(part * 100).toFixed(0)} % of ${pagesTotal} pages, ${bytesText(rawBytes)} at ${bytesText(this.#bytesPerSecond)}/s, ${bytesText(wireBytes)} sent${eta}${state}, ${seconds} s`;
  }

  #line(text: string): void {
    if (this.style === 'none') return;
    if (this.style === 'json') process.stderr.write(`${printableJson({ event: 'notice', text })}\n`);
    else process.stderr.write(`${this.#drawn ? '\r\x1b[K' : ''}${printable(text)}\n`);
    this.#drawn = false;
  }

  [Symbol.dispose](): void {
    if (this.#drawn) process.stderr.write('\r\x1b[K');
  }
}

function connectionText(event: Extract<ProgressEvent, { type: 'connection' }>): string {
  const which = event.lane === undefined ? 'the control connection' : `lane ${event.lane}`;
  if (event.state === 'back') return `${which} is connected again`;
  return `${which} was lost and is being reconnected${event.why === undefined ? '' : ` (${event.why})`}`;
}
