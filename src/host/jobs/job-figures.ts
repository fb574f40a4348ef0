import type { ProgressEvent } from '../../source/report.js';

export const PAGE_BYTES = 4096;
/** The rate is measured over the last seconds, not over the whole job. */
const RATE_SPAN_MS = 3000;
/** Samples kept for it: one in some 30 ms, so that a fast stream does not grow the list. */
const SAMPLE_EVERY_MS = 30;

/** Progress of a job, in bytes, ms and pages per second. Absent: not known, or not yet. */
export interface JobNumbers {
  readonly phase?: string | undefined;
  readonly dataTotalBytes?: number | undefined;
  readonly dataProcessedBytes?: number | undefined;
  /** In this pass over memory. */
  readonly dataRemainingBytes?: number | undefined;
  /** Bytes sent over the wire. */
  readonly wireBytes?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Passes over memory begun so far. */
  readonly iteration?: number | undefined;
  readonly dirtyPagesPerSecond?: number | undefined;
  /** If the guest were suspended now: the remaining bytes at the present rate. Known from the second pass on. */
  readonly expectedDowntimeMs?: number | undefined;
  readonly suspended?: boolean | undefined;
}

/** Turns a transfer's progress events into the figures that `domjobinfo` shows. The clock is passed in. */
export class JobFigures {
  #phase: string | undefined;
  #round: number | undefined;
  #roundSince = 0;
  #pagesSent = 0;
  #pagesTotal = 0;
  #firstTotal: number | undefined;
  #pagesBefore = 0;
  #dirtyRate: number | undefined;
  #rawBytes: number | undefined;
  #wireBytes: number | undefined;
  #suspended = false;
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** @param now monotonic ms */
  constructor(private readonly now: () => number) {}

  /** Sets the total if no round reports it: for an arriving guest. */
  expect(totalBytes: number): void {
    this.#firstTotal = Math.ceil(totalBytes / PAGE_BYTES);
  }

  readonly note = (event: ProgressEvent): void => {
    switch (event.type) {
      case 'phase':
        this.#phase = event.phase;
        return;
      case 'round':
        this.#noteRound(event.round, event.pagesSent, event.pagesTotal);
        return;
      case 'bytes':
        this.#rawBytes = event.rawBytes;
        this.#wireBytes = event.wireBytes;
        this.#sample(event.rawBytes);
        return;
      case 'suspended':
        this.#suspended = true;
        return;
      case 'log':
      case 'notice':
      case 'connection':
        return;
    }
  };

  #noteRound(round: number, pagesSent: number, pagesTotal: number): void {
    const at = this.now();
    if (this.#round !== round) {
      if (this.#round === undefined) this.#firstTotal ??= pagesTotal;
      else {
        // The pages of a round were written during the previous one.
        const seconds = (at - this.#roundSince) / 1000;
        this.#dirtyRate = seconds > 0 ? pagesTotal / seconds : undefined;
        this.#pagesBefore += this.#pagesSent;
      }
      this.#round = round;
      this.#roundSince = at;
    }
    this.#pagesSent = pagesSent;
    this.#pagesTotal = pagesTotal;
    if (this.#rawBytes === undefined) this.#sample((this.#pagesBefore + pagesSent) * PAGE_BYTES);
  }

  #sample(bytes: number): void {
    const atMs = this.now();
    const last = this.#samples.at(-1);
    if (last !== undefined && this.#samples.length > 1 && atMs - last.atMs < SAMPLE_EVERY_MS) this.#samples.pop();
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && atMs - this.#samples[1].atMs > RATE_SPAN_MS) this.#samples.shift();
  }

  get #rate(): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (last === undefined || last.atMs <= first.atMs) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  numbers(): JobNumbers {
    const rate = this.#rate;
    const isCounting = this.#round !== undefined;
    const processed = this.#rawBytes ?? (isCounting ? (this.#pagesBefore + this.#pagesSent) * PAGE_BYTES : undefined);
    const total = this.#firstTotal === undefined ? undefined : this.#firstTotal * PAGE_BYTES;
    const remaining = isCounting
      ? Math.max(0, this.#pagesTotal - this.#pagesSent) * PAGE_BYTES
      : total !== undefined && processed !== undefined
        ? Math.max(0, total - processed)
        : undefined;
    const downtime =
      isCounting && (this.#round ?? 0) > 0 && rate !== undefined && rate > 0
        ? ((remaining ?? 0) * 1000) / rate
        : undefined;
    const told: JobNumbers = {
      phase: this.#phase,
      dataTotalBytes: total,
      dataProcessedBytes: processed,
      dataRemainingBytes: remaining,
      wireBytes: this.#wireBytes,
      bytesPerSecond: rate === undefined ? undefined : Math.round(rate),
      iteration: this.#round === undefined ? undefined : this.#round + 1,
      dirtyPagesPerSecond: this.#dirtyRate === undefined ? undefined : Math.round(this.#dirtyRate),
      expectedDowntimeMs: downtime === undefined ? undefined : Math.round(downtime),
      ...(this.#suspended ? { suspended: true } : {}),
    };
    return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
  }
}
