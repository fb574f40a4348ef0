import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolstackError } from '../../../errors/errors.js';
import { monotonicMs } from '../clock.js';
import { faultError, type ActiveFault, type FaultName } from '../faults.js';

/** Time that one piece of a slow stream takes. */
const PIECE_MS = 20;

/** Passes the bytes of a stream, and injects faults at their positions; without faults the bytes pass unchanged. */
export class StreamFaults {
  readonly #faults: readonly ActiveFault[];
  readonly #bytesPerSecond: number | undefined;
  readonly #what: string;
  #bytes = 0;
  #startMs: number | undefined;

  constructor(faults: ReadonlyMap<FaultName, ActiveFault>, what: string) {
    const all = [...faults.values()];
    this.#faults = all.filter(({ name }) => STRIKES[name] !== undefined);
    this.#bytesPerSecond = all.find(({ bytesPerSecond }) => bytesPerSecond > 0)?.bytesPerSecond;
    this.#what = what;
  }

  /** The chunk in pieces, each of which may be passed on immediately. */
  async *pieces(chunk: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#faults.length === 0 && this.#bytesPerSecond === undefined) {
      yield chunk;
      return;
    }
    for (let at = 0; at < chunk.length;) {
      await this.#strike(signal);
      const piece = chunk.subarray(at, at + this.#pieceBytes(chunk.length - at));
      yield piece;
      at += piece.length;
      this.#bytes += piece.length;
      await this.#pace(signal);
    }
  }

  #pieceBytes(left: number): number {
    const rate = this.#bytesPerSecond;
    const slow = rate === undefined ? left : Math.max(1, Math.floor((rate * PIECE_MS) / 1000));
    const untilFault = this.#faults.map((fault) => fault.afterBytes - this.#bytes);
    return Math.min(left, slow, ...untilFault);
  }

  async #strike(signal: AbortSignal): Promise<void> {
    for (const fault of this.#faults) {
      if (fault.afterBytes > this.#bytes) continue;
      await STRIKES[fault.name]?.(this.#what, signal);
    }
  }

  async #pace(signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    this.#startMs ??= monotonicMs();
    const dueMs = this.#startMs + (this.#bytes / this.#bytesPerSecond) * 1000;
    const waitMs = dueMs - monotonicMs();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }
}

type Strike = (what: string, signal: AbortSignal) => Promise<void>;

const fail =
  (name: FaultName): Strike =>
  (what) =>
    Promise.reject(faultError(name, what));

/** Waits until the signal fires; the timer keeps the process alive. */
const hang: Strike = async (_what, signal) => {
  for (;;) await sleep(60_000, undefined, { signal });
};

const die: Strike = async (_what, signal) => {
  process.kill(process.pid, 'SIGKILL');
  await hang(_what, signal);
};

const diskFull: Strike = (what) =>
  Promise.reject(
    new ToolstackError('E_TOOLSTACK_DISK_FULL', `${what}: no space left on device (ENOSPC)`, {
      hint: 'Free disk space for the memory of the guest on this host.',
      data: { errno: 'ENOSPC' },
    }),
  );

const STRIKES: Readonly<Partial<Record<FaultName, Strike>>> = {
  'save-fails': fail('save-fails'),
  'restore-fails': fail('restore-fails'),
  'save-hangs': hang,
  'restore-hangs': hang,
  'save-dies': die,
  'restore-dies': die,
  'disk-full-on-restore': diskFull,
};
