import koffi from './koffi.js';
import { SystemError } from '../errors/errors.js';
import { getSystemErrorName } from 'node:util';
import type { ErrnoName } from '../errors/codes.js';

const libc = koffi.load('libc.so.6');
const pollCall = libc.func('int poll(uint8_t *fds, unsigned long count, int timeout)') as (
  fds: Uint8Array,
  count: number,
  timeout: number,
) => number;

/* asm-generic/poll.h. struct pollfd: int fd, short events, short revents. */
export const POLLIN = 0x1;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;
const POLLFD_BYTES = 8;
const EINTR = 4;

/** Descriptors to wait for, by their place. Owns none of them. */
export class PollSet {
  #entries = Buffer.alloc(16 * POLLFD_BYTES);
  #count = 0;

  /** Starts a new set. */
  clear(): void {
    this.#count = 0;
  }

  /** @param events 0: it is not looked at, and reports nothing @returns its place */
  add(fd: number, events: number): number {
    const place = this.#count;
    this.#count += 1;
    const at = place * POLLFD_BYTES;
    if (at === this.#entries.length) this.#entries = Buffer.concat([this.#entries, Buffer.alloc(at)]);
    this.#entries.writeInt32LE(events === 0 ? -1 : fd, at);
    this.#entries.writeInt16LE(events, at + 4);
    this.#entries.writeInt16LE(0, at + 6);
    return place;
  }

  /** Holds up this thread until one of them has something, for so many ms at most. */
  wait(ms: number): void {
    if (pollCall(this.#entries, this.#count, ms) >= 0) return;
    const errno = koffi.errno();
    if (errno === EINTR) return;
    const name = getSystemErrorName(-errno);
    throw new SystemError(`E_SYSTEM_${name as ErrnoName}`, `poll failed: ${name}`, {
      data: { call: 'poll', errno: name },
    });
  }

  /** What has come of one; POLLERR and POLLHUP come unasked. */
  events(place: number): number {
    return this.#entries.readInt16LE(place * POLLFD_BYTES + 6);
  }
}
