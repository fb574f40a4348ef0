import { getSystemErrorName } from 'node:util';
import koffi from './koffi.js';
import { SystemError } from '../errors/errors.js';

const libc = koffi.load('libc.so.6');

const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)') as (fds: number[], flags: number) => number;
const fcntlInt = libc.func('int fcntl(int fd, int cmd, int arg)') as (fd: number, cmd: number, arg: number) => number;
const flockCall = libc.func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;

/* Values of Linux on every architecture that Xen's toolstack runs on (asm-generic/fcntl.h). */
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EAGAIN = 11;

function fail(call: string): SystemError {
  const errno = koffi.errno();
  const name = getSystemErrorName(-errno);
  return new SystemError(`E_SYSTEM_${name}`, `${call} failed: ${name}`, { data: { call, errno: name } });
}

/**
 * A pipe, both ends close-on-exec. The caller owns both.
 * @param bytes capacity to ask for; the kernel may refuse more than /proc/sys/fs/pipe-max-size, then it keeps its own.
 */
export function openPipe(bytes: number): { readonly readEnd: number; readonly writeEnd: number } {
  const fds = [-1, -1];
  if (pipe2(fds, O_CLOEXEC) !== 0) throw fail('pipe2');
  const [readEnd, writeEnd] = fds as [number, number];
  // A smaller pipe is slower, never wrong: a refusal here is not worth a failure.
  fcntlInt(writeEnd, F_SETPIPE_SZ, bytes);
  return { readEnd, writeEnd };
}

/** Takes the flock(2) of an open file without waiting, exclusive or shared. False where somebody else is in the way. */
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
