import koffi from '../../posix/koffi.js';
import { SystemError } from '../../errors/errors.js';
import type { Address } from './native.js';

const libc = koffi.load('libc.so.6');

const calloc = libc.func('void *calloc(size_t count, size_t size)') as (...args: [number, number]) => Address | null;
const release = libc.func('void free(void *at)') as (...args: [Address]) => void;

/** Zeroed memory of the C heap, which the caller frees. @throws SystemError E_SYSTEM_ENOMEM */
export function allocate(bytes: number): Address {
  const at = calloc(1, bytes);
  if (at === null) throw new SystemError('E_SYSTEM_ENOMEM', `no memory for ${bytes} bytes`);
  return at;
}

/** Frees memory from `allocate`. */
export function free(at: Address): void {
  release(at);
}

/** Bytes that C code owns, seen in place: valid as long as they are. */
export function viewOf(at: Address, bytes: number): DataView {
  return new DataView(koffi.view(at, bytes));
}

/** A copy of bytes that C code owns, as text. */
export function textAt(at: Address, bytes: number): string {
  return Buffer.from(new Uint8Array(koffi.view(at, bytes))).toString('utf8');
}
