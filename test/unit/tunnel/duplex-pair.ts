import { Duplex } from 'node:stream';
import { FrameLink } from '../../../src/tunnel/frame-link.js';
import type { KeepaliveOptions } from '../../../src/tunnel/keepalive.js';
import type { Link } from '../../../src/tunnel/link.js';

export interface PairOptions {
  readonly highWaterMark?: number;
  /** Sees and may change each run of bytes on its way from the first end to the second. */
  readonly onWire?: (chunk: Buffer) => Buffer;
}

/** One end of a connection in memory. A chunk is taken when the other end has room, as with a socket. */
export class PairEnd extends Duplex {
  other: PairEnd | undefined;
  #blocked: (() => void) | undefined;
  #held = false;
  #waiting: { readonly chunk: Buffer; readonly done: (error?: Error | null) => void }[] = [];

  constructor(
    highWaterMark: number,
    private readonly onWire: (chunk: Buffer) => Buffer,
  ) {
    super({ highWaterMark, allowHalfOpen: false });
    this.on('error', () => undefined); // an end that a test holds bare may be reset
  }

  /** From now on what is written here stays under way. */
  hold(): void {
    this.#held = true;
  }

  /** What was held arrives. */
  release(): void {
    this.#held = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { chunk, done } of waiting) this.#deliver(chunk, done);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // As a connection does: the writer's memory is its own again.
    const copy = Buffer.from(chunk);
    if (this.#held) this.#waiting.push({ chunk: copy, done });
    else this.#deliver(copy, done);
  }

  #deliver(chunk: Buffer, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return;
    }
    if (other.push(this.onWire(chunk))) setImmediate(done);
    else other.#blocked = () => setImmediate(done);
  }

  override _read(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { other } = this;
    setImmediate(() => {
      if (other !== undefined && !other.destroyed && !other.readableEnded) {
        other.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      }
    });
    done(error);
  }
}

export interface Pair {
  readonly a: Link & { readonly duplex: PairEnd };
  readonly b: Link & { readonly duplex: PairEnd };
}

function linkOf(duplex: PairEnd, name: string): Link & { readonly duplex: PairEnd } {
  return {
    peer: { transport: 'tls', name, address: `${name}:1` },
    duplex,
    destroy: (error) => {
      duplex.destroy(error);
    },
  };
}

/** Two ends that are connected. */
export function linkPair(options: PairOptions = {}): Pair {
  const mark = options.highWaterMark ?? 64 * 1024;
  const a = new PairEnd(mark, options.onWire ?? ((chunk) => chunk));
  const b = new PairEnd(mark, (chunk) => chunk);
  a.other = b;
  b.other = a;
  return { a: linkOf(a, 'far'), b: linkOf(b, 'near') };
}

export interface OpenPair extends Pair {
  readonly near: FrameLink;
  readonly far: FrameLink;
}

/** Two ends whose OPEN has been exchanged: `near` has dialled `far`. */
export async function openPair(
  options: PairOptions & { readonly near?: KeepaliveOptions; readonly far?: KeepaliveOptions } = {},
): Promise<OpenPair> {
  const pair = linkPair(options);
  const near = new FrameLink(pair.a, options.near);
  const far = new FrameLink(pair.b, options.far);
  const { signal } = new AbortController();
  await Promise.all([
    near.open(Buffer.from('hello'), signal),
    far.awaitOpen(signal).then(() => far.answer(Buffer.from('welcome'))),
  ]);
  return { ...pair, near, far };
}
