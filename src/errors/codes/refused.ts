import { rows } from './row.js';

/** Refused before anything was changed. */
export const REFUSED_CODES = rows('RefusedError', 3, {
  E_DEADLINE_HOOK: [
    'A hook script did not end in time and was stopped.',
    'Make the hook fast, and do not call xenferry for the same domain in it.',
  ],
  E_HOOK_FAILED: [
    'A hook script ended with an error or a signal, which refuses the step that it was called for.',
    'Run the script by hand, as the hint shows, to see why it fails.',
  ],
  E_HOOK_OUTPUT: [
    'The `migrate` hook printed something that is not domain XML.',
    'Let the hook print nothing, or the complete domain XML that is to be used.',
  ],
  E_HOOK_UNSAFE: [
    'A hook script was not run because its owner or mode lets other users change it.',
    'Make the file and its folder writable by root only, or name another folder in `XENFERRY_HOOKS`.',
  ],
  E_REFUSED_ABI: [
    'The XML for the destination changes something that the running guest would see.',
    'Change only where disks, networks, consoles and displays are backed; start from `xenferry dumpxml --migratable --security-info`.',
  ],
  E_REFUSED_ACTIVE: [
    'A domain of this name or UUID is already active.',
    'Stop it first, or choose another name and UUID.',
  ],
  E_REFUSED_AMBIGUOUS: [
    'Several devices of the domain match the description.',
    'Name one of those that the message lists.',
  ],
  E_REFUSED_ARRIVING: [
    'The domain belongs to an incoming migration that is not finished, so it cannot be used yet.',
    'Run `xenferry recover`, which finishes the migration or says what prevents it.',
  ],
  E_REFUSED_AUTHORITY_EXISTS: [
    'The folder already holds a certificate authority.',
    'Use that authority or another folder; `--force` replaces it and invalidates every certificate that it issued.',
  ],
  E_REFUSED_BEING_REMOVED: [
    'A domain of this name or UUID is just being removed by the toolstack.',
    'Wait until it is removed, then try again.',
  ],
  E_REFUSED_BUSY: [
    'Another operation holds the job of the domain.',
    'Wait for its end, or stop it with `xenferry domjobabort`.',
  ],
  E_REFUSED_CERTIFICATE_EXISTS: [
    'The folder already holds a certificate.',
    'Renew it with `xenferry pki renew`, choose another folder, or give `--force`.',
  ],
  E_REFUSED_CLOSING: [
    'The receiving service is shutting down and ends its connections.',
    "Start the migration again when the destination's service runs again.",
  ],
  E_REFUSED_CONVERSATIONS: [
    'The destination has as many open connections, in total or from this host, as it accepts.',
    'Try again when some of the migrations have ended.',
  ],
  E_REFUSED_CORES: [
    'The folder already holds as many core files of this domain as are kept.',
    'Move or delete those that are no longer needed.',
  ],
  E_REFUSED_CPU: [
    'The processor of the destination lacks features that the guest sees.',
    'Choose another destination, or define the guest with the result of `xenferry cpu-baseline` over all hosts and start it again.',
  ],
  E_REFUSED_DEFINITION: [
    'The destination holds a definition of this domain that the source host may not replace.',
    'Migrate without `--persistent`, or undefine the domain at the destination first.',
  ],
  E_REFUSED_DEVICE_BUSY: [
    'The device cannot be detached because other devices depend on it.',
    'Detach the devices that the message lists first.',
  ],
  E_REFUSED_DISK_MISSING: [
    'A disk of the domain does not exist on this host.',
    'Correct the path, mount the storage, or create the disk first.',
  ],
  E_REFUSED_DOMAIN0: [
    'The operation names domain 0, which is the host itself.',
    'Name a guest; `xenferry list --all` shows them.',
  ],
  E_REFUSED_DOMID: ['The number is not the id of a guest domain.', 'Look up the id with `xenferry list`.'],
  E_REFUSED_EPOCH: [
    'The destination has seen a later attempt of the same migration, so this one is out of date.',
    'Start the migration again.',
  ],
  E_REFUSED_EVACUATING: ['Another process is already evacuating this host.', 'Wait until it has ended, or stop it.'],
  E_REFUSED_FEATURE: [
    'The destination lacks a feature that the guest or an option needs.',
    'Choose another destination, bring it up to date, or leave the option out.',
  ],
  E_REFUSED_FILE: [
    'The output file exists, or its path cannot be used for output.',
    'Name a new file in a folder that you may write to.',
  ],
  E_REFUSED_GUEST_PATH: [
    "The configuration or policy of this host does not allow a path that the guest's definition names.",
    "Allow it in the destination's configuration as the hint says, or move the file to an allowed folder.",
  ],
  E_REFUSED_HOST_DEVICE: [
    'The domain uses a device of its host, which cannot move with it.',
    'Detach the device, then migrate again.',
  ],
  E_REFUSED_IDLE: [
    'The service closed a connection on which the other host asked nothing for too long.',
    'Start the operation again; look at the log of the other host if it repeats.',
  ],
  E_REFUSED_IN_DOUBT: [
    'The domain is leaving in a migration whose outcome is not known: it may be running at the destination.',
    'Run `xenferry recover`, which asks the destination.',
  ],
  E_REFUSED_LEASE: [
    'A disk of the domain is in use by a domain on another host.',
    'Stop the other domain; if its host is dead, break the lease as docs/guides/leases.md describes.',
  ],
  E_REFUSED_LEASE_FOLDER: [
    'The folder of the leases is not the one that this host used before.',
    'Check that the shared file system is mounted; docs/guides/leases.md says how to adopt a new folder.',
  ],
  E_REFUSED_LIBVIRT_ACCESS: [
    "A host that connects by libvirt's protocol asked for more than a migration.",
    'Name the host in `libvirt_admins`, if it may do everything here.',
  ],
  E_REFUSED_LIBVIRT_CALL: [
    "A call of libvirt's protocol is known, and not supported by this host.",
    'Use the command of xenferry itself.',
  ],
  E_REFUSED_LIBVIRT_READ_ONLY: [
    'A change, or a password, was asked for over a read-only connection.',
    'Connect without `--readonly`, as a user who may open the other socket.',
  ],
  E_REFUSED_LIBVIRT_SOCKET: [
    'Another process answers at a socket on which this host is to serve clients of libvirt.',
    'Stop that process, or leave `libvirt_sockets` out of the configuration.',
  ],
  E_REFUSED_LIBVIRT_URI: [
    'A client of libvirt asked for another kind of host than Xen.',
    'Use the URI `xen:///system`.',
  ],
  E_REFUSED_LIMIT: [
    'The host already runs as many migrations as `max_migrations` allows, and the wait for a place ended.',
    'Try again when some have ended, or raise `max_migrations`.',
  ],
  E_REFUSED_LIVE: [
    'The setting cannot be changed while the domain runs.',
    'Use `--config` to change it for the next start.',
  ],
  E_REFUSED_MANAGED_SAVE: [
    'The domain has a managed save image, which the operation would invalidate.',
    'Start the domain from it first, or discard it with `--managed-save` or `managedsave-remove`.',
  ],
  E_REFUSED_MEDIUM: [
    'The removable drive already holds a medium, or holds none to eject.',
    'Use `--update` to replace the medium.',
  ],
  E_REFUSED_MEMORY_SIZE: [
    'The memory sizes of the domain are outside the range that an embedded guest can have.',
    'Change `<memory>` and `<currentMemory>` to the range that the message names.',
  ],
  E_REFUSED_NAME_TAKEN: [
    'Another domain has this name.',
    'Choose another name, or rename or undefine the other domain.',
  ],
  E_REFUSED_NATIVE_DIFFERS: [
    'The native libxl configuration that the source sent contradicts the domain XML that was checked.',
    'Bring both hosts to the same release, or migrate with `--xml FILE`, which sends XML only.',
  ],
  E_REFUSED_NATIVE_FIELDS: [
    'The native libxl configuration holds fields that the destination cannot check.',
    'Migrate with `--xml FILE`, which sends XML only.',
  ],
  E_REFUSED_NOT_ABORTABLE: [
    'The running job of the domain cannot be cancelled.',
    'Wait for its end: such jobs are short.',
  ],
  E_REFUSED_NOT_ALLOWED: [
    "The destination's configuration does not allow this host to send guests.",
    "Add the host to `allow` in the destination's configuration and reload the service with SIGHUP.",
  ],
  E_REFUSED_NOT_IN_DOUBT: [
    'No single migration in doubt matches the name that was given.',
    'List them with `xenferry recover --list` and name one by its id.',
  ],
  E_REFUSED_NOT_MAPPED: [
    'A setting in `<xl:settings>` does not exist for this type of guest.',
    'Remove it from the metadata.',
  ],
  E_REFUSED_NOT_RUNNING: [
    'The operation needs a running domain.',
    'Start the domain first, or use `--config` where the verb has it.',
  ],
  E_REFUSED_NO_CONFIG: [
    'The save file is a bare libxl stream without a configuration.',
    'Give the domain XML with `--xml FILE`.',
  ],
  E_REFUSED_NO_DESTINATION: [
    'None of the destinations of an evacuation can be reached; no guest was moved.',
    'Read the warnings, which give the reason for each destination.',
  ],
  E_REFUSED_NO_DEVICE: [
    'The domain has no device that matches the description.',
    'Look at its devices with `xenferry dumpxml DOMAIN`.',
  ],
  E_REFUSED_NO_DISK: [
    'The domain has no disk of that target or source.',
    'Look up its disks with `xenferry domblklist DOMAIN`.',
  ],
  E_REFUSED_NO_DOMAIN: [
    'No domain has this name, id or UUID.',
    'List the domains with `xenferry list --all`, or choose another host with `-c`.',
  ],
  E_REFUSED_NO_INTERFACE: [
    "The network interface does not exist in this host's domain 0.",
    'Check that the domain runs; interfaces served by a driver domain cannot be read here.',
  ],
  E_REFUSED_NO_JOB: ['The domain has no job that could be cancelled.', 'Look at its state with `xenferry domjobinfo`.'],
  E_REFUSED_NO_LIBXL: [
    'This host runs Xen, but the matching libxl library cannot be loaded.',
    'Install the toolstack of the running Xen release (on Debian `xen-utils-RELEASE`).',
  ],
  E_REFUSED_NO_MEMORY: [
    'The host does not have enough free memory for the guest.',
    'Stop or shrink another guest, or give this one less memory.',
  ],
  E_REFUSED_NO_METADATA: [
    'The domain has no metadata of that namespace.',
    'Look at its metadata with `xenferry dumpxml`, and give the URI that stands there.',
  ],
  E_REFUSED_NO_UNPACKER: [
    'The save file is compressed with a program that is not installed.',
    'Install the package that the hint names.',
  ],
  E_REFUSED_NO_USB_DEVICE: [
    'The USB device does not exist on the host, or its description matches several.',
    'Name it by bus and device number, as `lsusb` shows them.',
  ],
  E_REFUSED_NO_XEN: [
    'This machine is not a Xen host.',
    'Boot Xen and run the command in domain 0, or use `-c embedded:///FOLDER`.',
  ],
  E_REFUSED_OVER_MAXIMUM: [
    'The amount of memory is above the maximum of the domain.',
    'Use less, or raise the maximum with `xenferry setmaxmem --config`.',
  ],
  E_REFUSED_PEER_MAY: [
    'A guest from another host names files, devices or addresses of the destination that its policy does not permit.',
    'Add the permissions that the hint lists to `peers_may` at the destination; docs/reference/peer-policy.md explains them.',
  ],
  E_REFUSED_REVOKED: [
    'The certificate that is to be renewed has been revoked.',
    'Issue a new certificate with a new key: `xenferry pki issue`.',
  ],
  E_REFUSED_STATE: [
    'The domain is in a state in which it cannot be moved.',
    'Resume the domain first; `--force` moves it as it is and may lose data that it has not written.',
  ],
  E_REFUSED_STREAM_VERSION: [
    'The destination cannot read the save stream version that the source writes.',
    'Update the older of the two hosts.',
  ],
  E_REFUSED_TOO_LATE: [
    'The job has passed the point after which it cannot be cancelled.',
    'Wait for its end; `xenferry domjobinfo` shows the progress.',
  ],
  E_REFUSED_TRANSIENT: [
    'The domain is transient and has no stored definition to work on.',
    'Define it with `xenferry define` first; a transient domain disappears when it stops.',
  ],
  E_REFUSED_UNSUPPORTED: [
    'The operation is one that Xen guests do not support.',
    'Use the alternative that the hint names.',
  ],
  E_REFUSED_USB_IN_USE: ['The USB device is assigned to another domain.', 'Detach it from that domain first.'],
  E_REFUSED_UUID_TAKEN: ['Another domain has this UUID.', 'Give the new domain another UUID or leave the UUID out.'],
  E_REFUSED_XEN_OLDER: [
    'The destination has an older release of Xen than the host that the guest runs on.',
    'Choose a destination with the same or a newer release; `migrate --unsafe` tries it all the same.',
  ],
  E_REFUSED_XEN_RELEASE: [
    'This release does not know the running version of Xen.',
    'Install a release of xenferry that supports it, or a supported version of Xen.',
  ],
  E_REFUSED_XL_SILENT: [
    'The outcome of a migration to an xl host cannot be determined, because xl keeps no record of its decision.',
    'Look at `xl list` and at /var/log/xen on that host before you resume or destroy either copy.',
  ],
});
