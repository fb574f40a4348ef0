import koffi from '../posix/koffi.js';

/* XXH3, 128 bits, from the system's libxxhash (xxhash.h, stable since 0.8). */

interface Library {
  readonly createState: () => unknown;
  readonly freeState: (state: unknown) => number;
  readonly reset: (state: unknown, seed: bigint) => number;
  readonly update: (state: unknown, bytes: Uint8Array, count: number) => number;
  readonly digest: (state: unknown) => { readonly low64: number | bigint; readonly high64: number | bigint };
}

let loaded: Library | 'missing' | undefined;

function load(): Library | 'missing' {
  try {
    const xxhash = koffi.load('libxxhash.so.0');
    const func = (prototype: string): unknown => xxhash.func(prototype);
    koffi.struct('XXH128_hash_t', { low64: 'uint64_t', high64: 'uint64_t' });
    return {
      createState: func('void *XXH3_createState()') as Library['createState'],
      freeState: func('int XXH3_freeState(void *)') as Library['freeState'],
      reset: func('int XXH3_128bits_reset_withSeed(void *, uint64_t)') as Library['reset'],
      update: func('int XXH3_128bits_update(void *, const void *, size_t)') as Library['update'],
      digest: func('XXH128_hash_t XXH3_128bits_digest(const void *)') as Library['digest'],
    };
  } catch {
    return 'missing'; // there are other digests
  }
}

/** Whether the system has the library. */
export function hasXxh3(): boolean {
  loaded ??= load();
  return loaded !== 'missing';
}

/** A running XXH3; undefined where the library is missing. `finish` or disposing frees it. */
export class Xxh3 implements Disposable {
  #state: unknown;

  private constructor(
    private readonly library: Library,
    seed: bigint,
  ) {
    this.#state = library.createState();
    library.reset(this.#state, seed);
  }

  static begin(seed: bigint): Xxh3 | undefined {
    loaded ??= load();
    return loaded === 'missing' ? undefined : new Xxh3(loaded, seed);
  }

  update(bytes: Uint8Array): void {
    if (this.#state !== undefined) this.library.update(this.#state, bytes, bytes.length);
  }

  /** The digest in its canonical form, in hex. */
  finish(): string {
    const { low64, high64 } = this.library.digest(this.#state);
    this[Symbol.dispose]();
    return [high64, low64].map((half) => BigInt(half).toString(16).padStart(16, '0')).join('');
  }

  [Symbol.dispose](): void {
    if (this.#state === undefined) return;
    this.library.freeState(this.#state);
    this.#state = undefined;
  }
}
