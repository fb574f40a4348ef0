import type { ErrnoName } from '../errors/codes.js';
import { getSystemErrorName } from 'node:util';
import koffi from './koffi.js';
import { SystemError } from '../errors/errors.js';

const libc = koffi.load('libc.so.6');

const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)') as (fds: number[], flags: number) => number;
const fcntlInt = libc.func('int fcntl(int fd, int cmd, int arg)') as (fd: number, cmd: number, arg: number) => number;
const flockCall = libc.func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
const ioctlCount = libc.func('int ioctl(int fd, unsigned long request, _Out_ int *count)') as (
  fd: number,
  request: number,
  count: number[],
) => number;
const sysconf = libc.func('long sysconf(int name)') as (name: number) => number;
const closeCall = libc.func('int close(int fd)') as (fd: number) => number;
const shutdownCall = libc.func('int shutdown(int fd, int how)') as (fd: number, how: number) => number;
const eventfdCall = libc.func('int eventfd(unsigned int count, int flags)') as (count: number, flags: number) => number;
const pollCall = libc.func('int poll(_Inout_ uint8_t *fds, unsigned long count, int timeout)') as (
  fds: Buffer,
  count: number,
  timeout: number,
) => number;

/* Values of Linux on every architecture that Xen's toolstack runs on (asm-generic/fcntl.h). */
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const SHUT_WR = 1;
const EINTR = 4;
/* bits/confname.h. */
const SC_PAGESIZE = 30;
const EAGAIN = 11;
/* asm-generic/ioctls.h: bytes in a pipe; bytes in a socket that its peer has not read. */
const FIONREAD = 0x541b;
const TIOCOUTQ = 0x5411;
/* asm-generic/poll.h. struct pollfd: int fd, short events, short revents. */
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLFD_BYTES = 8;

function fail(call: string): SystemError {
  const errno = koffi.errno();
  const name = getSystemErrorName(-errno);
  return new SystemError(`E_SYSTEM_${name as ErrnoName}`, `${call} failed: ${name}`, { data: { call, errno: name } });
}

/**
 * A pipe, both ends close-on-exec. The caller owns both.
 * @param bytes capacity to ask for; the kernel refuses more than /proc/sys/fs/pipe-max-size; then the default stays.
 */
export function openPipe(bytes: number): { readonly readEnd: number; readonly writeEnd: number } {
  const fds = [-1, -1];
  if (pipe2(fds, O_CLOEXEC) !== 0) throw fail('pipe2');
  const [readEnd, writeEnd] = fds as [number, number];
  // A smaller pipe is slower, never wrong: the refusal is ignored.
  fcntlInt(writeEnd, F_SETPIPE_SZ, bytes);
  return { readEnd, writeEnd };
}

/** Takes the flock(2) of an open file without waiting, exclusive or shared. False if another open file holds it. */
export function tryFlock(fd: number, mode: 'exclusive' | 'shared' = 'exclusive'): boolean {
  if (flockCall(fd, (mode === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true;
  if (koffi.errno() === EAGAIN) return false;
  throw fail('flock');
}

/** A second descriptor of the same open file or socket, close-on-exec. The caller owns it. */
export function duplicateFd(fd: number): number {
  const copy = fcntlInt(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw fail('fcntl');
  return copy;
}

/** Closes a descriptor that did not come from Node: a thread of Node's warns where `fs` closes one that `fs` has not opened there. */
export function closeFd(fd: number): void {
  closeCall(fd);
}

/** Sends FIN: the peer sees the end of what was written. One that is gone already is not a failure. */
export function endOutput(fd: number): void {
  shutdownCall(fd, SHUT_WR);
}

/** An eventfd(2), close-on-exec and non-blocking: 8 bytes, a 64-bit number, make it readable until they are read. The caller owns it. */
export function openEventFd(): number {
  const fd = eventfdCall(0, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw fail('eventfd');
  return fd;
}

/** How many bytes a pipe or socket holds that its reader has not taken. @param fd the end that is written to */
export function unreadBytes(fd: number, kind: 'pipe' | 'socket'): number {
  const count = [0];
  if (ioctlCount(fd, kind === 'pipe' ? FIONREAD : TIOCOUTQ, count) !== 0) throw fail('ioctl');
  return count[0] ?? 0;
}

/** Whether a pipe or socket still has a reader. @param fd the end that is written to */
export function hasReader(fd: number): boolean {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(fd, 0);
  if (pollCall(asked, 1, 0) < 0) throw fail('poll');
  return (asked.readInt16LE(6) & (POLLERR | POLLHUP)) === 0;
}

/** Blocks this process until a descriptor is readable or a signal arrives. */
export function waitReadable(fd: number): void {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLIN, 4);
  if (pollCall(asked, 1, -1) < 0 && koffi.errno() !== EINTR) throw fail('poll');
}

/** Waits so many ms until a descriptor can be read from or its writer is gone, and says whether that is so. Holds up this thread. */
export function pollReadable(fd: number, ms: number): boolean {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLIN, 4);
  const ready = pollCall(asked, 1, ms);
  if (ready < 0 && koffi.errno() !== EINTR) throw fail('poll');
  return ready > 0;
}

/** Waits until a descriptor can be written to, its reader is gone, a signal comes, or so many ms have passed. Holds up this thread. */
export function waitWritable(fd: number, ms: number): void {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLOUT, 4);
  if (pollCall(asked, 1, ms) < 0 && koffi.errno() !== EINTR) throw fail('poll');
}

/** What a pipe holds at most, in bytes. */
export function pipeBytes(fd: number): number {
  const bytes = fcntlInt(fd, F_GETPIPE_SZ, 0);
  if (bytes < 0) throw fail('fcntl');
  return bytes;
}

/** Makes calls on an open file return where they would wait. */
export function setNonblocking(fd: number): void {
  const flags = fcntlInt(fd, F_GETFL, 0);
  if (flags < 0 || fcntlInt(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw fail('fcntl');
}

/** Bytes of the kernel's pages. */
export function pageSize(): number {
  return sysconf(SC_PAGESIZE);
}
