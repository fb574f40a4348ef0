import { asError } from '../../../src/errors/message-of.js';
import type { OwnedFd } from '../../../src/posix/owned-fd.js';
import { guestDomid, type Domid } from '../../../src/toolstack/domid.js';
import { HostFolder } from '../../../src/toolstack/embedded/host-folder.js';
import { restoreDomain } from '../../../src/toolstack/embedded/transfer/restore-domain.js';
import { saveDomain } from '../../../src/toolstack/embedded/transfer/save-domain.js';
import { transferEventSchema } from '../../../src/toolstack/embedded/transfer-protocol.js';
import type { CallContext } from '../../../src/toolstack/agent/serve.js';
import type {
  GuestConfig,
  RestoreOptions,
  SaveOptions,
  Toolstack,
  TransferOptions,
} from '../../../src/toolstack/toolstack.js';
import type { Effect } from './moments.js';

/** The process that a toolstack works for, as far as its calls are concerned. */
export interface CallGate {
  readonly dead: boolean;
  /** Fires when the process dies. */
  readonly death: AbortSignal;
  /** Fires when the case is over: what a dead process still waits for ends then. */
  readonly over: AbortSignal;
  /** Resolves when the process may go on: it may be stopped (SIGSTOP). */
  thawed(): Promise<void>;
  reach(moment: string): Effect | Promise<Effect>;
  /** What outlives the process: an agent that cleans up. */
  outlive(work: Promise<unknown>): void;
}

/** Until the signal fires; a call without one comes back only when its process is dead and the case is over. */
async function forever(signal: AbortSignal | undefined, gate: CallGate): Promise<never> {
  const ends = gate.dead ? [gate.over] : [];
  const any = AbortSignal.any(signal === undefined ? ends : [signal, ...ends]);
  return await new Promise<never>((_, reject) => {
    const end = (): void => {
      reject(asError(any.reason));
    };
    if (any.aborted) end();
    else any.addEventListener('abort', end, { once: true });
  });
}

/** Calls of a migration and its recovery: a moment before and one behind each of them. The others are left as they are. */
const HOOKED: ReadonlySet<string | symbol> = new Set([
  'host',
  'list',
  'lookup',
  'info',
  'describe',
  'resume',
  'pause',
  'unpause',
  'rename',
  'destroy',
]);

/**
 * An embedded host's toolstack with moments around its calls. Saves and restores run in this process, as the agent would
 * run them: it costs no process a case, and they can be cut off between any two steps.
 */
export function hookToolstack(inner: Toolstack, dir: string, gate: CallGate): Toolstack {
  const hooked = new HookedCalls(dir, gate);
  return new Proxy(inner, {
    get: (target, key): unknown => {
      if (key === 'save') return hooked.save.bind(hooked);
      if (key === 'restore') return hooked.restore.bind(hooked);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const work = (...words: unknown[]): unknown => Reflect.apply(value, target, words) as unknown;
      if (!HOOKED.has(key)) return work;
      return (...words: unknown[]) => {
        const signal = words.find((word) => word instanceof AbortSignal);
        return callThrough(gate, String(key), signal, () => Promise.resolve(work(...words)));
      };
    },
  });
}

async function pass(gate: CallGate, moment: string, signal: AbortSignal | undefined): Promise<void> {
  if (gate.dead) await forever(signal, gate);
  await gate.thawed();
  const effect = await gate.reach(moment);
  if (effect === 'hang' || gate.dead) await forever(signal, gate);
  if (effect instanceof Error) throw effect;
}

/** A call with a moment before and one behind it. */
export async function callThrough<T>(
  gate: CallGate,
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  await pass(gate, `${name}:before`, signal);
  const result = await work();
  await pass(gate, `${name}:after`, signal);
  return result;
}

class HookedCalls {
  readonly #folder: HostFolder;

  constructor(
    dir: string,
    private readonly gate: CallGate,
  ) {
    this.#folder = HostFolder.open(dir);
  }

  async save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void> {
    using fd = sink;
    await this.#transfer('save', options, (call) =>
      saveDomain({ host: this.#folder, domid: id, live: options.live }, fd, call),
    );
  }

  async restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid> {
    using fd = source;
    return guestDomid(
      await this.#transfer('restore', options, (call) => restoreDomain(this.#folder, config, fd, call)),
    );
  }

  /** As the agent does it: what the parent never hears of is undone. */
  async #transfer<T>(
    name: 'save' | 'restore',
    options: TransferOptions,
    work: (call: Omit<CallContext, 'passedFd'>) => Promise<T>,
  ): Promise<T> {
    options.signal.throwIfAborted();
    await pass(this.gate, `${name}:before`, options.signal);
    let cleanUp: (() => Promise<void>) | undefined;
    const done = work({
      signal: AbortSignal.any([options.signal, this.gate.death]),
      emit: (event) => {
        const heard = transferEventSchema.parse(event);
        if (!this.gate.dead) options.onEvent?.(heard);
        const effect = this.gate.reach(`${name}:${heard.type}`);
        if (effect instanceof Error) throw effect;
      },
      ifUnheard: (work) => {
        cleanUp = work;
      },
    });
    const whole = (async (): Promise<T> => {
      try {
        const result = await done;
        const effect = await this.gate.reach(`${name}:after`);
        if (effect instanceof Error) throw effect;
        return result;
      } finally {
        if (this.gate.dead) await cleanUp?.();
      }
    })();
    this.gate.outlive(whole.catch(() => undefined));
    const result = await whole;
    if (this.gate.dead) await forever(options.signal, this.gate);
    return result;
  }
}
