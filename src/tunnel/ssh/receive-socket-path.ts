/**
 * The unix socket at which root's `xenferry serve` takes in what comes by ssh, so that a login needs no process there (OpenSSH's
 * direct-streamlocal, PROTOCOL of OpenSSH, 2.4). Fixed: the leaving host knows nothing of the other one yet.
 */
export const RECEIVE_SOCKET_PATH = '/var/lib/xenferry/receive.sock';
