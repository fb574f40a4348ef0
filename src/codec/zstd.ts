import koffi from '../posix/koffi.js';
import { ProtocolError, SystemError } from '../errors/errors.js';

/* libzstd as the system has it, with the stable part of its interface (zstd.h, since 1.4). */

type CompressCall = (
  context: unknown,
  into: Uint8Array,
  room: number,
  from: Uint8Array,
  count: number,
  level: number,
) => number | bigint;
type DecompressCall = (
  context: unknown,
  into: Uint8Array,
  room: number,
  from: Uint8Array,
  count: number,
) => number | bigint;
type Done = (error: Error | null, result: number | bigint) => void;

interface Library {
  readonly createCompressor: () => unknown;
  readonly freeCompressor: (context: unknown) => number;
  readonly createDecompressor: () => unknown;
  readonly freeDecompressor: (context: unknown) => number;
  readonly compress: CompressCall & { readonly async: (...args: [...Parameters<CompressCall>, Done]) => void };
  readonly decompress: DecompressCall;
  readonly versionString: () => string;
}

const LIBRARY = 'libzstd.so.1';

let loaded: Library | Error | undefined;

function load(): Library | Error {
  try {
    const zstd = koffi.load(LIBRARY);
    const func = (prototype: string): unknown => zstd.func(prototype);
    return {
      createCompressor: func('void *ZSTD_createCCtx()') as Library['createCompressor'],
      freeCompressor: func('size_t ZSTD_freeCCtx(void *)') as Library['freeCompressor'],
      createDecompressor: func('void *ZSTD_createDCtx()') as Library['createDecompressor'],
      freeDecompressor: func('size_t ZSTD_freeDCtx(void *)') as Library['freeDecompressor'],
      compress: func(
        'size_t ZSTD_compressCCtx(void *, void *, size_t, const void *, size_t, int)',
      ) as Library['compress'],
      decompress: func(
        'size_t ZSTD_decompressDCtx(void *, void *, size_t, const void *, size_t)',
      ) as Library['decompress'],
      versionString: func('const char *ZSTD_versionString()') as Library['versionString'],
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function library(): Library {
  loaded ??= load();
  if (!(loaded instanceof Error)) return loaded;
  throw new SystemError('E_SYSTEM_LIBRARY', `${LIBRARY} cannot be loaded: ${loaded.message}`, {
    hint: 'Install libzstd (Debian: libzstd1), or migrate with --compress none.',
    cause: loaded,
  });
}

/** The library's version, or undefined if it cannot be loaded: then nothing is compressed. */
export function zstdVersion(): string | undefined {
  loaded ??= load();
  return loaded instanceof Error ? undefined : loaded.versionString();
}

/** Errors are the last few values of size_t (ZSTD_isError): far above any length. */
function length(result: number | bigint, room: number): number | undefined {
  return typeof result === 'number' && result <= room ? result : undefined;
}

/** One compression context: one call at a time. */
export class ZstdCompressor implements Disposable {
  readonly #library = library();
  #context: unknown = this.#library.createCompressor();

  /**
   * Compresses in a thread of libuv's pool. Both buffers must stay as they are until it resolves.
   * @returns bytes written, or undefined where they do not fit
   */
  compress(from: Uint8Array, into: Uint8Array, level: number): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      this.#library.compress.async(this.#context, into, into.length, from, from.length, level, (error, result) => {
        if (error !== null) reject(error);
        else resolve(length(result, into.length));
      });
    });
  }

  /** No call may be under way. */
  [Symbol.dispose](): void {
    if (this.#context === undefined) return;
    this.#library.freeCompressor(this.#context);
    this.#context = undefined;
  }
}

/** One decompression context. */
export class ZstdDecompressor implements Disposable {
  readonly #library = library();
  #context: unknown = this.#library.createDecompressor();

  /**
   * Decompresses; never writes more than `into` takes.
   * @throws ProtocolError `E_PROTOCOL_ZSTD` if the result is not exactly as long as `into`
   */
  decompress(from: Uint8Array, into: Uint8Array): void {
    const result = this.#library.decompress(this.#context, into, into.length, from, from.length);
    const got = length(result, into.length);
    if (got === into.length) return;
    const why = got === undefined ? 'it is no zstd frame, or a longer one' : `${got} bytes came of it`;
    throw new ProtocolError('E_PROTOCOL_ZSTD', `${from.length} bytes should become ${into.length}: ${why}`);
  }

  /** No call may be under way. */
  [Symbol.dispose](): void {
    if (this.#context === undefined) return;
    this.#library.freeDecompressor(this.#context);
    this.#context = undefined;
  }
}
