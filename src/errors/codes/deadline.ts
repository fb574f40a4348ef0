import { rows } from './row.js';

/** A wait that exceeded its deadline. */
export const DEADLINE_CODES = rows('DeadlineError', 1, {
  E_DEADLINE_CHANNEL: [
    'Another process of this host, such as the daemon, did not send a message in time.',
    'Look at that process and at the load of this host, and try again.',
  ],
  E_DEADLINE_CONNECT: [
    'The host did not accept the connection or complete its handshake in time.',
    'Check the address, the firewall and the load of the host, or raise `--deadline connect=SECONDS`.',
  ],
  E_DEADLINE_COPY: [
    'Copying the guest took longer than `--timeout` allows; the guest stays at the source.',
    'Try again with more bandwidth or at a quieter time, or use `--timeout-suspend`.',
  ],
  E_DEADLINE_EVENTS: [
    'The lock of the event log was not free in time, so events were not written.',
    'Look for a process that holds the file `events` in the state folder.',
  ],
  E_DEADLINE_FILE: [
    'The decompression program of a save file did not end in time.',
    'Look at its process; the file may be damaged.',
  ],
  E_DEADLINE_HELLO: [
    'The peer connected and did not introduce itself in time.',
    'Look at the log and at the load of the other host.',
  ],
  E_DEADLINE_JOB: [
    'Another job held the domain for too long.',
    'Look at it with `xenferry domjobinfo`, and try again.',
  ],
  E_DEADLINE_JOB_ANSWER: [
    'The process that runs the job of the domain did not answer in time.',
    'Check whether that process hangs; the message names the domain.',
  ],
  E_DEADLINE_JOB_END: [
    'The job was asked to stop and did not end in time.',
    'Look at its progress with `xenferry domjobinfo`.',
  ],
  E_DEADLINE_LEASES: [
    'The leases of the disks could not be read or written in time.',
    'Check the shared file system that holds the lease folder.',
  ],
  E_DEADLINE_LIBXL: [
    'A short call of libxl did not return in time.',
    'Check that xenstored and the device models respond, and look at /var/log/xen.',
  ],
  E_DEADLINE_LOCK: [
    'The lock of an embedded domain or host was not free in time.',
    'Look for a process that uses the same embedded folder.',
  ],
  E_DEADLINE_PEER: ['The peer did not answer a request in time.', 'Look at the log and at the load of the other host.'],
  E_DEADLINE_PREPARE: [
    'The destination did not finish its checks before the migration in time.',
    'Look at the log of the destination, or raise `--deadline prepare=SECONDS`.',
  ],
  E_DEADLINE_READER: [
    'No program read from the output pipe in time.',
    'Start the reading program first, and check that it does not hang.',
  ],
  E_DEADLINE_RESTORE: [
    'The destination received the whole guest, and its toolstack did not finish the restore in time.',
    'Look at /var/log/xen at the destination, or raise `--deadline restore=SECONDS`.',
  ],
  E_DEADLINE_SHUTDOWN: [
    'The guest did not shut down in time.',
    'Look at its console; `xenferry destroy` stops it by force.',
  ],
  E_DEADLINE_SSH_AUTH: [
    'The ssh server did not complete the authentication in time.',
    'Look at the log of sshd on that host.',
  ],
  E_DEADLINE_SSH_CHANNEL: [
    'The ssh server did not open a channel in time.',
    'Look at the log and at the load of that host.',
  ],
  E_DEADLINE_SSH_CONNECT: [
    'The ssh port of the host did not accept a connection in time.',
    'Check the address, the port and the firewall.',
  ],
  E_DEADLINE_SSH_GREETING: [
    'The dialling side of an ssh connection sent no greeting in time.',
    'Do not start the receiving command by hand; look at the log of the source host.',
  ],
  E_DEADLINE_SSH_HANDSHAKE: [
    'The ssh handshake did not complete in time.',
    'Look at the log of sshd there; slow name resolution or PAM modules are the usual cause.',
  ],
  E_DEADLINE_SSH_RECEIVE: [
    'The remote xenferry did not send its greeting over ssh in time.',
    'Run the remote command by hand to see what it prints, and check the load of the host.',
  ],
  E_DEADLINE_STALLED: [
    'The save stream made no progress for too long.',
    'Check the network, and the disks and logs of both hosts, or raise `--deadline stall=SECONDS`.',
  ],
  E_DEADLINE_TOOLSTACK: [
    'The toolstack did not answer in time.',
    'Check that xenstored responds, and look at /var/log/xen.',
  ],
  E_DEADLINE_XL: [
    'xl at the other end did not read or send the next word of its protocol in time.',
    'Look at the xl process and at /var/log/xen on that host.',
  ],
});
