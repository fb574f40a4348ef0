import { asError } from '../../../src/errors/message-of.js';
import type { OwnedFd } from '../../../src/posix/owned-fd.js';
import { guestDomid, type Domid } from '../../../src/toolstack/domid.js';
import { HostFolder } from '../../../src/toolstack/embedded/host-folder.js';
import { restoreDomain } from '../../../src/toolstack/embedded/transfer/restore-domain.js';
import { saveDomain } from '../../../src/toolstack/embedded/transfer/save-domain.js';
import { transferEventSchema } from '../../../src/toolstack/embedded/transfer-protocol.js';
import type { CallContext } from '../../../src/toolstack/agent/serve.js';
import type {
  DomainInfo,
  GuestConfig,
  GuestReport,
  HostInfo,
  RestoreOptions,
  SaveOptions,
  Toolstack,
  ToolstackEvent,
  TransferOptions,
} from '../../../src/toolstack/toolstack.js';
import type { Effect } from './moments.js';

/** The process that a toolstack works for, as far as its calls are concerned. */
export interface CallGate {
  readonly dead: boolean;
  /** Fires when the process dies. */
  readonly death: AbortSignal;
  /** Resolves when the process may go on: it may be stopped (SIGSTOP). */
  thawed(): Promise<void>;
  reach(moment: string): Effect | Promise<Effect>;
  /** What outlives the process: an agent that cleans up. */
  outlive(work: Promise<unknown>): void;
}

/** Until the signal fires; a call without one never comes back. */
async function forever(signal: AbortSignal | undefined): Promise<never> {
  return await new Promise<never>((_, reject) => {
    const end = (): void => {
      reject(asError(signal?.reason));
    };
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}

/**
 * An embedded host's toolstack with a moment before and behind each call. Saves and restores run in this process, as the
 * agent would run them: it costs no process a case, and they can be cut off between any two steps.
 */
export class HookedToolstack implements Toolstack {
  readonly uri: string;
  readonly #folder: HostFolder;

  constructor(
    private readonly inner: Toolstack,
    dir: string,
    private readonly gate: CallGate,
  ) {
    this.uri = inner.uri;
    this.#folder = HostFolder.open(dir);
  }

  async #pass(moment: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.gate.dead) await forever(signal);
    await this.gate.thawed();
    const effect = await this.gate.reach(moment);
    if (effect === 'hang' || this.gate.dead) await forever(signal);
    if (effect instanceof Error) throw effect;
  }

  async #call<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    await this.#pass(`${name}:before`, signal);
    const result = await work();
    await this.#pass(`${name}:after`, signal);
    return result;
  }

  host(signal?: AbortSignal): Promise<HostInfo> {
    return this.#call('host', signal, () => this.inner.host(signal));
  }
  list(signal?: AbortSignal): Promise<DomainInfo[]> {
    return this.#call('list', signal, () => this.inner.list(signal));
  }
  lookup(ref: string, signal?: AbortSignal): Promise<DomainInfo | undefined> {
    return this.#call('lookup', signal, () => this.inner.lookup(ref, signal));
  }
  info(id: Domid, signal?: AbortSignal): Promise<DomainInfo | undefined> {
    return this.#call('info', signal, () => this.inner.info(id, signal));
  }
  describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig> {
    return this.#call('describe', signal, () => this.inner.describe(id, signal));
  }
  create(config: GuestConfig, signal?: AbortSignal): Promise<Domid> {
    return this.inner.create(config, signal);
  }
  resume(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('resume', signal, () => this.inner.resume(id, signal));
  }
  pause(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('pause', signal, () => this.inner.pause(id, signal));
  }
  unpause(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('unpause', signal, () => this.inner.unpause(id, signal));
  }
  rename(id: Domid, name: string, signal?: AbortSignal): Promise<void> {
    return this.#call('rename', signal, () => this.inner.rename(id, name, signal));
  }
  shutdown(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('shutdown', signal, () => this.inner.shutdown(id, signal));
  }
  reboot(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('reboot', signal, () => this.inner.reboot(id, signal));
  }
  destroy(id: Domid, signal?: AbortSignal): Promise<void> {
    return this.#call('destroy', signal, () => this.inner.destroy(id, signal));
  }
  guestReport(id: Domid, signal?: AbortSignal): Promise<GuestReport | undefined> {
    return this.inner.guestReport(id, signal);
  }
  events(signal: AbortSignal): AsyncIterable<ToolstackEvent> {
    return this.inner.events(signal);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }

  async save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void> {
    using fd = sink;
    await this.#transfer('save', options, (call) =>
      saveDomain({ host: this.#folder, domid: id, live: options.live }, fd, call),
    );
  }

  async restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid> {
    using fd = source;
    return guestDomid(await this.#transfer('restore', options, (call) => restoreDomain(this.#folder, config, fd, call)));
  }

  /** As the agent does it: what the parent never hears of is undone. */
  async #transfer<T>(
    name: 'save' | 'restore',
    options: TransferOptions,
    work: (call: CallContext) => Promise<T>,
  ): Promise<T> {
    options.signal.throwIfAborted();
    await this.#pass(`${name}:before`, options.signal);
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
    if (this.gate.dead) await forever(options.signal);
    return result;
  }
}
