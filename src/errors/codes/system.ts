import { rows, type CodeRow } from './row.js';

/** The row of every failed system call without a code of its own: `E_SYSTEM_<ERRNO>`. */
export const ERRNO_ROW: CodeRow = {
  class: 'SystemError',
  meaning: 'A system call failed with that error number, for example `E_SYSTEM_ENOSPC` for a full file system.',
  remedy: 'Read the file or call in the message; `man 3 errno` describes each error number.',
  exit: 1,
  since: '0.1',
};

/** A failed system call outside all other classes. */
export const SYSTEM_CODES = rows('SystemError', 1, {
  E_SYSTEM_COUNTERS: [
    'The counters of a disk or network interface cannot be read.',
    'Check that the domain still runs, and that the backend driver (xen-blkback, xen-netback) is loaded in domain 0.',
  ],
  E_SYSTEM_DEFINITION: [
    'A stored domain definition is damaged, belongs to another domain or comes from a newer release.',
    'Correct or replace the file that the message names, or remove it and define the domain again.',
  ],
  E_SYSTEM_DHCP_LEASES: [
    'A file of DHCP leases cannot be read or understood.',
    'Check the permissions of the file and the program that writes it.',
  ],
  E_SYSTEM_DUMP: [
    'The core file of a guest could not be written.',
    'Name a new file on a file system with enough space.',
  ],
  E_SYSTEM_FILE_SIZE: ['A file is larger than xenferry reads.', 'Check that the path names the right file.'],
  E_SYSTEM_FOLDER_OWNER: [
    'A folder of xenferry belongs to a user other than root or the one that runs it.',
    'Find out how it came there, then remove it or change its owner as the hint shows.',
  ],
  E_SYSTEM_HOOKS: [
    'The folder of the hooks cannot be read.',
    'Make it readable for root, or name another folder in `XENFERRY_HOOKS`.',
  ],
  E_SYSTEM_JOURNAL: [
    'The journal of a migration could not be written, so the next step was not taken.',
    'Free space on the file system of the state folder, or repair it.',
  ],
  E_SYSTEM_LEASES: [
    'A lease of a disk cannot be read, written or taken.',
    'Check the shared file system that holds the lease folder, and the file that the message names.',
  ],
  E_SYSTEM_LIBRARY: [
    'A shared library that xenferry needs cannot be loaded.',
    'Install the package that the hint names, or use `--compress none` if it is libzstd.',
  ],
  E_SYSTEM_LOG_DIR: [
    'The folder of the logs cannot be created or written.',
    'Name a folder that can be written as `log_dir` in the configuration.',
  ],
  E_SYSTEM_REGISTRY: [
    'A domain definition could not be stored; the previous one is unchanged.',
    'Free space on the file system of the state folder, or repair it.',
  ],
  E_SYSTEM_STATE_DIR: [
    'The state folder cannot be created or used.',
    'Name a folder that can be written with `--state-dir`.',
  ],
  E_SYSTEM_UNTRUSTED: [
    'A file or folder that is used as root can be changed by another user, so it was not used.',
    'Check its content, then set its owner and mode with the command in the hint.',
  ],
});
