import type { Address, LibxlNative, StructName } from './native.js';

/**
 * More than the size of any of these structures in any release: the largest, domain_config, has about 4 KiB in 4.17.
 */
const STRUCT_BYTES = 64 * 1024;

type StructMemory = Pick<LibxlNative, 'allocate' | 'free' | 'init' | 'dispose'>;

/**
 * Lends a structure of libxl: allocated, initialised, and, however `use` ends, disposed of and freed (S45).
 * The memory stays until the promise of `use` settles.
 */
export async function withStruct<T>(
  native: StructMemory,
  struct: StructName,
  use: (at: Address) => T | Promise<T>,
): Promise<T> {
  return await withMemory(native, STRUCT_BYTES, async (at) => {
    native.init(struct, at);
    try {
      return await use(at);
    } finally {
      native.dispose(struct, at);
    }
  });
}

/** Lends zeroed memory of the C heap. */
export async function withMemory<T>(
  native: Pick<LibxlNative, 'allocate' | 'free'>,
  bytes: number,
  use: (at: Address) => T | Promise<T>,
): Promise<T> {
  const at = native.allocate(bytes);
  try {
    return await use(at);
  } finally {
    native.free(at);
  }
}
