import { SystemError } from '../errors/errors.js';
import type { ErrnoName } from '../errors/codes.js';
import { getSystemErrorName } from 'node:util';
import koffi from './koffi.js';
import { pageSize, pipeBytes, setNonblocking, unreadBytes, waitWritable } from './libc.js';

const libc = koffi.load('libc.so.6');
type IovecCall = (fd: number, iovecs: Uint8Array, count: number, flags: number) => number | bigint;
const vmspliceCall = libc.func(
  'int64_t vmsplice(int fd, const void *iovecs, size_t count, unsigned int flags)',
) as IovecCall;
const writevCall = libc.func('int64_t writev(int fd, const void *iovecs, int count)') as (
  fd: number,
  iovecs: Uint8Array,
  count: number,
) => number | bigint;

/** What one buffer of a pipe refers to at most: a page of the kernel. Where pages are larger, everything is copied. */
const PAGE_BYTES = 4096;
/** Linux: iovecs of one call. */
const IOV_MAX = 1024;
const IOVEC_BYTES = 16;
/** bits/fcntl-linux.h. */
const SPLICE_F_NONBLOCK = 2;
const EINTR = 4;
const EAGAIN = 11;
/** Errors that mean this system has no vmsplice for this pipe: ENOSYS, EINVAL, EPERM, EBADF. */
const NO_VMSPLICE = new Set([38, 22, 1, 9]);

/** How long one wait for the reader takes at most, in ms: after that the stop is looked at. */
const POLL_MS = 100;

/** Memory whose bytes are written, as the kernel addresses it. The holder keeps the memory alive. */
export class AddressedMemory {
  /** Where it begins. */
  readonly base: number;

  constructor(readonly bytes: Uint8Array) {
    this.base = Number(koffi.address(bytes));
  }
}

/** Thrown where a write was stopped. */
export class StoppedError extends Error {}

/**
 * Writes lists of pieces of memory into a pipe, from where they lie. Blocks its thread; a stop is heard within POLL_MS.
 *
 * With vmsplice the pipe refers to the memory until its reader has read it: a piece must not be changed before
 * `isPast(mark)` for a `mark()` taken after it was written. This rests on a reader that copies, as read(2) does: one that
 * splices on keeps the reference.
 */
export class PipeSplicer {
  readonly #iovecs = Buffer.alloc(IOV_MAX * IOVEC_BYTES);
  readonly #words = new Uint32Array(this.#iovecs.buffer, this.#iovecs.byteOffset, (IOV_MAX * IOVEC_BYTES) / 4);
  #count = 0;
  #end = -1;
  #splices: boolean;
  /** Buffers of the pipe that were filled by reference since the beginning; not more than there were. */
  #filled = 0;
  /** What `#filled` was when the pipe was seen empty last. */
  #emptyAt = 0;

  /**
   * @param fd of a pipe's write end, which stays the caller's; made non-blocking
   * @param splices whether memory may be given by reference: false where the reader may not copy it
   * @param stopped asked while the pipe is full
   */
  constructor(
    private readonly fd: number,
    splices: boolean,
    private readonly stopped: () => boolean,
  ) {
    this.#splices = splices && pageSize() === PAGE_BYTES;
    setNonblocking(fd);
  }

  /** Adds a piece to what `write` and `copy` write. Writes what came before where the list is full. */
  add(memory: AddressedMemory, at: number, count: number, splice: boolean): void {
    const from = memory.base + at;
    const words = this.#words;
    if (from === this.#end) {
      words[this.#count * 4 - 2] += count;
    } else {
      if (this.#count === IOV_MAX) this.flush(splice);
      const word = this.#count * 4;
      words[word] = from % 0x1_0000_0000;
      words[word + 1] = Math.floor(from / 0x1_0000_0000);
      words[word + 2] = count;
      words[word + 3] = 0;
      this.#count += 1;
    }
    this.#end = from + count;
  }

  /**
   * Writes what was added.
   * @param splice by reference where that is possible; otherwise the pipe has a copy
   * @throws SystemError `E_SYSTEM_EPIPE` where the reader is gone; StoppedError
   */
  flush(splice: boolean): void {
    const words = this.#words;
    const count = this.#count;
    this.#count = 0;
    this.#end = -1;
    for (let done = 0; done < count;) {
      const byReference = splice && this.#splices;
      let written = this.#call(byReference, done, count - done);
      if (byReference) this.#filled += Math.ceil(written / PAGE_BYTES);
      while (written > 0) {
        const word = done * 4;
        const length = words[word + 2];
        if (written >= length) {
          written -= length;
          done += 1;
        } else {
          const from = words[word] + words[word + 1] * 0x1_0000_0000 + written;
          words[word] = from % 0x1_0000_0000;
          words[word + 1] = Math.floor(from / 0x1_0000_0000);
          words[word + 2] = length - written;
          written = 0;
        }
      }
    }
  }

  /** A mark for `isPast`: of all that was written so far. */
  mark(): number {
    return this.#filled;
  }

  /**
   * Whether the pipe refers no more to anything that was written before the mark was taken: it has been empty since, or as
   * many buffers as it has were filled after it.
   */
  isPast(mark: number): boolean {
    if (mark <= this.#emptyAt) return true;
    if (this.#filled - mark >= Math.ceil(pipeBytes(this.fd) / PAGE_BYTES)) return true;
    if (unreadBytes(this.fd, 'pipe') > 0) return false;
    this.#emptyAt = this.#filled;
    return true;
  }

  #call(byReference: boolean, from: number, count: number): number {
    const iovecs = this.#iovecs.subarray(from * IOVEC_BYTES);
    for (;;) {
      if (this.stopped()) throw new StoppedError('the write was stopped');
      const written = Number(
        byReference ? vmspliceCall(this.fd, iovecs, count, SPLICE_F_NONBLOCK) : writevCall(this.fd, iovecs, count),
      );
      if (written > 0) return written;
      const errno = written < 0 ? koffi.errno() : EAGAIN;
      if (errno === EAGAIN) {
        waitWritable(this.fd, POLL_MS);
      } else if (byReference && NO_VMSPLICE.has(errno)) {
        this.#splices = false;
        return 0;
      } else if (errno !== EINTR) {
        const name = getSystemErrorName(-errno);
        const call = byReference ? 'vmsplice' : 'writev';
        throw new SystemError(`E_SYSTEM_${name as ErrnoName}`, `${call} failed: ${name}`, {
          data: { call, errno: name },
        });
      }
    }
  }
}
