import { setTimeout as sleep } from 'node:timers/promises';
import { Duplex } from 'node:stream';
import { TunnelError } from '../../../src/errors/errors.js';
import { FrameDecoder } from '../../../src/tunnel/frame-decoder.js';
import { frameName, FrameType, type Frame } from '../../../src/tunnel/frame.js';
import { FrameLink } from '../../../src/tunnel/frame-link.js';
import type { Dialer, Link } from '../../../src/tunnel/link.js';
import { orAborted } from '../../../src/errors/deadline.js';
import { z } from 'zod';
import type { Moments } from './moments.js';

/** Which way bytes go: from who dialled to who answered, or back. */
type Way = 'out' | 'back';

/** Signs of life come sooner than in earnest, so that a dead link is found while a case lasts. */
const KEEPALIVE = { keepaliveMs: 300, keepaliveCount: 3 };
/** A slow link brings so many bytes in a second. */
const SLOW_BYTES_PER_SECOND = 1_000_000;

/** Whoever takes links in. */
export interface Listener {
  readonly dead: boolean;
  take(link: FrameLink): void;
}

/** Whoever dials: when it dies, its links do. */
export interface Caller {
  /** What its certificate names: the host, whichever process of it dials. */
  readonly hostName: string;
  readonly dead: boolean;
}

class End extends Duplex {
  other: End | undefined;
  readonly #tap = new FrameDecoder();
  readonly #waiting: { readonly chunk: Buffer; readonly done: (error?: Error | null) => void }[] = [];
  #blocked: (() => void) | undefined;

  constructor(
    private readonly network: Network,
    readonly way: Way,
    readonly owner: { readonly dead: boolean },
  ) {
    super({ highWaterMark: 64 * 1024, allowHalfOpen: false });
    this.on('error', () => undefined); // an end that is not read yet may be reset
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const copy = Buffer.from(chunk);
    for (const frame of this.#tap.push(copy)) this.network.saw(frame);
    if (this.destroyed || this.owner.dead) return;
    if (this.network.holds(this.way)) this.#waiting.push({ chunk: copy, done });
    else if (this.network.slow) {
      void sleep((copy.length / SLOW_BYTES_PER_SECOND) * 1000).then(() => {
        this.#deliver(copy, done);
      });
    } else this.#deliver(copy, done);
  }

  /** What was held arrives, in order. */
  release(): void {
    for (const { chunk, done } of this.#waiting.splice(0)) this.#deliver(chunk, done);
  }

  #deliver(chunk: Buffer, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    } else if (other.push(chunk)) setImmediate(done);
    else other.#blocked = () => setImmediate(done);
  }

  override _read(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.network.holds(this.way)) this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (!this.network.holds(this.way)) {
      setImmediate(() => {
        if (other !== undefined && !other.destroyed && !other.readableEnded) other.reset();
      });
    }
    this.network.gone(this);
    done(error);
  }

  reset(): void {
    this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }
}

const messageSchema = z.union([
  z.object({ request: z.object({ type: z.string() }) }).transform(({ request }) => request.type),
  z.object({ reply: z.object({ type: z.string() }) }).transform(({ reply }) => reply.type),
  z.object({ notice: z.object({ type: z.string() }) }).transform(({ notice }) => `notice-${notice.type}`),
  z.object({ kind: z.string() }).transform(({ kind }) => `open-${kind}`),
]);

/** The network between the hosts of a case: links in memory, and everything that can be wrong with them. */
export class Network {
  readonly #ends = new Set<End>();
  /** No connection can be made. */
  #cut = false;
  #held = new Set<Way>();
  slow = false;
  #healed = new AbortController();

  constructor(private readonly moments: Moments) {}

  holds(way: Way): boolean {
    return this.#held.has(way);
  }

  gone(end: End): void {
    this.#ends.delete(end);
  }

  saw(frame: Frame): void {
    if (frame.type === FrameType.MESSAGE || frame.type === FrameType.OPEN) {
      const said = messageSchema.safeParse(JSON.parse(Buffer.from(frame.payload).toString('utf8')));
      this.moments.reachNow(`wire:${said.success ? said.data : 'unknown'}`);
    } else if (frame.type === FrameType.DATA || frame.type === FrameType.END) {
      this.moments.reachNow(`wire:${frameName(frame.type).toLowerCase()}`);
    }
  }

  /** Every connection breaks; new ones can be made. */
  reset(): void {
    for (const end of [...this.#ends]) end.reset();
  }

  /** Every connection breaks, and none can be made until it heals. */
  cut(): void {
    this.#cut = true;
    this.reset();
  }

  /** Nothing gets through any more, and nobody is told. */
  hole(...ways: Way[]): void {
    for (const way of ways) this.#held.add(way);
  }

  /** One side has lost its connections, and the other knows nothing of it. */
  halfOpen(gone: Way): void {
    this.#held = new Set<Way>(['out', 'back']);
    for (const end of [...this.#ends]) if (end.way === gone) end.reset();
    this.#held.clear();
  }

  heal(): void {
    this.#cut = false;
    this.slow = false;
    this.#held.clear();
    this.#healed.abort();
    this.#healed = new AbortController();
    for (const end of this.#ends) end.release();
  }

  /** What a dead process had open is closed by its kernel. */
  sever(owner: { readonly dead: boolean }): void {
    for (const end of [...this.#ends]) if (end.owner === owner) end.reset();
  }

  async #dial(from: Caller, to: () => Listener | undefined, signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    while (this.#held.size > 0) {
      const { signal: healed } = this.#healed;
      const heals = new Promise<void>((resolve) => {
        healed.addEventListener('abort', () => resolve(), { once: true });
      });
      await orAborted(heals, signal);
    }
    const listener = to();
    if (from.dead) throw new TunnelError('E_TUNNEL_UNREACHABLE', 'the process that dials is dead');
    if (this.#cut || listener === undefined || listener.dead) {
      throw new TunnelError('E_TUNNEL_UNREACHABLE', 'memory cannot be reached');
    }
    const near = new End(this, 'out', from);
    const far = new End(this, 'back', listener);
    near.other = far;
    far.other = near;
    this.#ends.add(near).add(far);
    listener.take(new FrameLink(linkOf(far, from.hostName), KEEPALIVE));
    return linkOf(near, 'far');
  }

  /** Ways from one process to whichever listens at the other host when it dials. */
  dialer(from: Caller, to: () => Listener | undefined): Dialer {
    return {
      transport: 'memory',
      target: 'memory',
      dial: (signal) => this.#dial(from, to, signal),
      dialAgain: (signal) => this.#dial(from, to, signal),
      dialLane: async (signal) => new FrameLink(await this.#dial(from, to, signal), KEEPALIVE),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

function linkOf(end: End, name: string): Link {
  return {
    peer: { transport: 'tls', name, address: `${name}:1` },
    duplex: end,
    destroy: (error) => {
      end.destroy(error);
    },
  };
}
