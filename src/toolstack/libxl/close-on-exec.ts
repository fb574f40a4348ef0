import koffi from '../../posix/koffi.js';

const libc = koffi.load('libc.so.6');
const fcntl = libc.func('int fcntl(int fd, int cmd, int arg)') as (fd: number, cmd: number, arg: number) => number;

/* fcntl(2), the same on every Linux. */
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Keeps an inherited descriptor from the programs that libxl starts: a device model lives as long as its
 * guest, and would keep the other end of our pipes open. A descriptor that is not open is ignored.
 */
export function closeOnExec(fd: number): void {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}
