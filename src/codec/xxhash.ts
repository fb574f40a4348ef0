import koffi from '../posix/koffi.js';

/* XXH64, and XXH3 with 128 bits, from the system's libxxhash (xxhash.h; XXH3 is stable since 0.8). */

/** How one of them is used: a state that is made, reset, fed, read and freed. */
interface Calls {
  readonly create: () => unknown;
  readonly free: (state: unknown) => number;
  readonly reset: (state: unknown, seed: bigint) => number;
  readonly update: (state: unknown, bytes: Uint8Array, count: number) => number;
  /** In its canonical form: the most significant half first. */
  readonly halves: (state: unknown) => readonly (number | bigint)[];
}

export type XxHashKind = 'xxh3-128' | 'xxh64';

let loaded: Readonly<Record<XxHashKind, Calls>> | 'missing' | undefined;

function load(): Readonly<Record<XxHashKind, Calls>> | 'missing' {
  try {
    const xxhash = koffi.load('libxxhash.so.0');
    const func = (prototype: string): unknown => xxhash.func(prototype);
    koffi.struct('XXH128_hash_t', { low64: 'uint64_t', high64: 'uint64_t' });
    const digest128 = func('XXH128_hash_t XXH3_128bits_digest(const void *)') as (
      state: unknown,
    ) => Readonly<Record<'low64' | 'high64', number | bigint>>;
    const digest64 = func('uint64_t XXH64_digest(const void *)') as (state: unknown) => number | bigint;
    return {
      'xxh3-128': {
        create: func('void *XXH3_createState()') as Calls['create'],
        free: func('int XXH3_freeState(void *)') as Calls['free'],
        reset: func('int XXH3_128bits_reset_withSeed(void *, uint64_t)') as Calls['reset'],
        update: func('int XXH3_128bits_update(void *, const void *, size_t)') as Calls['update'],
        halves: (state) => {
          const { high64, low64 } = digest128(state);
          return [high64, low64];
        },
      },
      xxh64: {
        create: func('void *XXH64_createState()') as Calls['create'],
        free: func('int XXH64_freeState(void *)') as Calls['free'],
        reset: func('int XXH64_reset(void *, uint64_t)') as Calls['reset'],
        update: func('int XXH64_update(void *, const void *, size_t)') as Calls['update'],
        halves: (state) => [digest64(state)],
      },
    };
  } catch {
    return 'missing'; // there are other digests
  }
}

/** Whether the system has the library. */
export function hasXxHash(): boolean {
  loaded ??= load();
  return loaded !== 'missing';
}

/** A running digest; undefined if the library is missing. `finish` or disposing frees it. */
export class XxHash implements Disposable {
  #state: unknown;

  private constructor(
    private readonly calls: Calls,
    seed: bigint,
  ) {
    this.#state = calls.create();
    calls.reset(this.#state, seed);
  }

  static begin(kind: XxHashKind, seed: bigint): XxHash | undefined {
    loaded ??= load();
    return loaded === 'missing' ? undefined : new XxHash(loaded[kind], seed);
  }

  update(bytes: Uint8Array): void {
    if (this.#state !== undefined) this.calls.update(this.#state, bytes, bytes.length);
  }

  /** The digest in its canonical form, in hex. */
  finish(): string {
    const halves = this.calls.halves(this.#state);
    this[Symbol.dispose]();
    return halves.map((half) => BigInt(half).toString(16).padStart(16, '0')).join('');
  }

  [Symbol.dispose](): void {
    if (this.#state === undefined) return;
    this.calls.free(this.#state);
    this.#state = undefined;
  }
}
