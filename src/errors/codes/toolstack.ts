import { rows, type CodeRow } from './row.js';

/** The names of libxl's errors (libxl_types.idl) that have no code of their own: `E_TOOLSTACK_<NAME>`. */
export const LIBXL_ERRORS = [
  'NONSPECIFIC',
  'VERSION',
  'FAIL',
  'NI',
  'BADFAIL',
  'NOT_READY',
  'OSEVENT_REG_FAIL',
  'BUFFERFULL',
  'UNKNOWN_CHILD',
  'LOCK_FAIL',
  'JSON_CONFIG_EMPTY',
  'CHECKPOINT_DEVOPS_DOES_NOT_MATCH',
  'CHECKPOINT_DEVICE_NOT_SUPPORTED',
  'VNUMA_CONFIG_INVALID',
  'ABORTED',
  'FEATURE_REMOVED',
  'PROTOCOL_ERROR_QMP',
  'UNKNOWN_QMP_ERROR',
  'QMP_GENERIC_ERROR',
  'QMP_COMMAND_NOT_FOUND',
  'QMP_DEVICE_NOT_ACTIVE',
  'QMP_DEVICE_NOT_FOUND',
  'QEMU_API',
] as const;

/** The row that all of `LIBXL_ERRORS` share. */
export const LIBXL_ROW: CodeRow = {
  class: 'ToolstackError',
  meaning: 'A call of libxl failed with the libxl error of that name.',
  remedy: 'Read the lines of libxl in the message, and /var/log/xen for more.',
  exit: 1,
  since: '0.1',
};

/** The toolstack (libxl or the embedded host) failed. */
export const TOOLSTACK_CODES = rows('ToolstackError', 1, {
  E_TOOLSTACK_AGENT_DIED: [
    'A helper process that called the toolstack died in the middle of a call.',
    'Look at the state of the domain before you try again: the call may be half done.',
  ],
  E_TOOLSTACK_AGENT_START: [
    'A helper process for the toolstack could not be started.',
    'Check that the installation is complete and that the host can start more processes.',
  ],
  E_TOOLSTACK_BUSY: ['The domain is already being saved.', 'Wait for that save, or cancel it.'],
  E_TOOLSTACK_CONTEXT: [
    'libxl could not be initialized.',
    'Run the command as root in domain 0, and check that xenstored runs.',
  ],
  E_TOOLSTACK_DEVICE_EXISTS: [
    'The domain already has the device.',
    'Detach the existing device first, or choose another target.',
  ],
  E_TOOLSTACK_DEVICE_MODEL: [
    'The device model of an HVM guest has ended after a change of its devices.',
    'Shut the guest down and start it again: it can be neither saved nor migrated any more.',
  ],
  E_TOOLSTACK_DISK_FULL: [
    'The host has no space left for the memory of the guest.',
    'Free space on the file system of the embedded host.',
  ],
  E_TOOLSTACK_DOMAIN_GONE: [
    'The domain no longer exists.',
    'Look at `xenferry list --all`, the console log of the domain and the logs of the host.',
  ],
  E_TOOLSTACK_EVENTS_LOST: [
    'More domain events arrived than were processed, so watching the domains stopped.',
    'Look at the log for what blocks the service; watching starts again with the state of all domains.',
  ],
  E_TOOLSTACK_EVENT_LOOP: ['The event loop of libxl failed.', 'Restart the service, and look at /var/log/xen.'],
  E_TOOLSTACK_FAULT: [
    'An embedded host failed on purpose because a fault was injected.',
    "Remove the fault from the domain's metadata or from the host's `faults.json`.",
  ],
  E_TOOLSTACK_FOLDER: [
    'The folder of the embedded host cannot be created or used.',
    'Name a folder that can be written, such as `embedded:///tmp/host-a`.',
  ],
  E_TOOLSTACK_FRAME: [
    'The save stream holds a page beyond the largest address that a guest can have.',
    'Check that the stream was written by a supported Xen release.',
  ],
  E_TOOLSTACK_GONE: [
    'The guest arrived, and ended or was destroyed at the destination before it could be confirmed.',
    'Look at the logs and at the disks of the guest before you resume the copy at the source.',
  ],
  E_TOOLSTACK_GUEST_STOPPED: [
    'The guest stopped by itself during the operation.',
    'Look at its console, and start it again if it should run.',
  ],
  E_TOOLSTACK_GUEST_TIMEDOUT: [
    'The guest did not react in time, for example to the request to suspend.',
    'Check that its kernel has Xen drivers and responds; the guest continues to run.',
  ],
  E_TOOLSTACK_GUEST_TYPE: [
    'The save stream was written by another type of guest than the definition describes.',
    'Use the definition that belongs to the stream.',
  ],
  E_TOOLSTACK_INVAL: [
    'The toolstack rejected a value as invalid.',
    'Choose a value in the range that the message names.',
  ],
  E_TOOLSTACK_JOB_DONE: [
    'The job ended before it could be cancelled.',
    'Look at its result with `xenferry domjobinfo --completed`.',
  ],
  E_TOOLSTACK_NAME_TAKEN: ['An active domain already has this name.', 'Choose another name.'],
  E_TOOLSTACK_NOTFOUND: [
    'The domain has no such device, or the toolstack has no such object.',
    'Look at the devices with `xenferry dumpxml`.',
  ],
  E_TOOLSTACK_NOT_BUILT: ['The domain is still being created or restored.', 'Wait until that has ended.'],
  E_TOOLSTACK_NOT_RUNNING: [
    'The domain is not running, and cannot be saved or asked.',
    'Look at its state with `xenferry domstate`.',
  ],
  E_TOOLSTACK_NOT_SUSPENDED: [
    'The domain cannot be resumed because it is not suspended.',
    'Look at its state with `xenferry domstate --reason`; a paused domain is resumed with `xenferry resume`.',
  ],
  E_TOOLSTACK_NO_DOM0: [
    'The host does not report a domain 0.',
    'Set `dom0MemoryKiB` in the `host.json` of an embedded host if it is to have one.',
  ],
  E_TOOLSTACK_NO_MEMORY: [
    'The host has too little free memory for the operation.',
    'Stop, shrink or move another guest, or choose another host.',
  ],
  E_TOOLSTACK_NO_PARAVIRT: [
    'The guest has no Xen drivers, so it cannot be asked to shut down, reboot or suspend.',
    'Use the power button (`--mode acpi`), ask inside the guest, or use `xenferry destroy`.',
  ],
  E_TOOLSTACK_PLATFORM_SIZE: [
    'The save stream holds more device state than an embedded host accepts.',
    'Restore the guest on a Xen host.',
  ],
  E_TOOLSTACK_RESTORE: [
    'The destination did not restore the guest that xl sent; the source keeps it.',
    'Look at the log of the destination.',
  ],
  E_TOOLSTACK_RESUME: [
    'Saving the guest failed, and it could not be resumed afterwards, so it is suspended.',
    'Run `xenferry resume DOMAIN`, and look at the first error in the message.',
  ],
  E_TOOLSTACK_SAVE_WRITE: [
    'The save stream could not be written to its reader.',
    'Look for the reason at the receiving side, which has closed it.',
  ],
  E_TOOLSTACK_STATE: [
    'The suspended copy at the source was made to run by another program while it was to be destroyed; xenferry left it alone.',
    'Look at the destination: two copies may run; stop the one at the source by hand if so.',
  ],
  E_TOOLSTACK_STREAM_FEATURE: [
    'The save stream uses a feature that an embedded host cannot restore.',
    'Save the guest again without checkpoints or debugging.',
  ],
  E_TOOLSTACK_TIMEDOUT: [
    'The toolstack or the guest did not complete the operation in time, for example the release of a disk.',
    'Stop the use of the device inside the guest, then try again.',
  ],
  E_TOOLSTACK_UNKNOWN: [
    'A call of libxl failed with an error number that this release does not know.',
    'Read the lines of libxl in the message, and check that the Xen release is supported.',
  ],
  E_TOOLSTACK_UNPAUSE: [
    'The guest arrived at the xl host, and xl could not unpause it.',
    'Look at /var/log/xen on that host, and unpause it there with `xl unpause`.',
  ],
  E_TOOLSTACK_UUID_TAKEN: [
    'An active domain already has this UUID.',
    'Look at it before you remove it: it may be the same guest.',
  ],
});
