import { rows } from './row.js';

/** The command line, a configuration file or a document is wrong. */
export const USAGE_CODES = rows('UsageError', 2, {
  E_USAGE_ALLOW: [
    'An entry of `allow` in the configuration is not the name of a host.',
    "Use a name or an address as it stands in the peer's certificate, `*.DOMAIN` for every host below a domain, or `*` for every host of the authority.",
  ],
  E_USAGE_ARCH: [
    'The architecture is not one that Xen guests have.',
    'Use one of the architectures that the message lists.',
  ],
  E_USAGE_ARGUMENTS: [
    'The arguments of the command contradict each other, or one is missing.',
    'Correct them as the message says; `xenferry VERB --help` shows the form and an example.',
  ],
  E_USAGE_ATTACH: [
    'The value of `--attach`, an internal option of the receiving side of ssh, is not an absolute path.',
    'Leave the option out: the host that dials sets it.',
  ],
  E_USAGE_BANDWIDTH: [
    'The value of `--bandwidth` is not a positive number.',
    'Give the limit in MiB/s, for example `--bandwidth 200`.',
  ],
  E_USAGE_CERTIFICATE: [
    'The certificate that is to be revoked or renewed was not issued by this authority, or cannot be identified.',
    'List the certificates with `xenferry pki show --dir DIR` and name one by its serial number.',
  ],
  E_USAGE_COMPRESS: [
    'The value of `--compress` is not a known method or level.',
    'Use `auto`, `none`, `zstd` or `zstd:LEVEL` with a level that the message lists.',
  ],
  E_USAGE_CONFIG: [
    'The configuration file has a syntax error, an unknown key or a value that is not allowed.',
    'Correct the keys that the message names; `examples/xenferry.conf` shows every key.',
  ],
  E_USAGE_CONFIG_TYPE: [
    'The format given to a conversion of native configurations is not supported.',
    'Use `xen-xl`, or `xen-xm` for reading.',
  ],
  E_USAGE_CPU: [
    'The file holds no CPU description that can be compared or combined.',
    'Give a `<cpu>` element, domain XML with one, or the output of `xenferry capabilities`.',
  ],
  E_USAGE_CPU_ARCH: [
    'The CPUs that are to be combined are of different architectures.',
    'Compute one baseline for each architecture.',
  ],
  E_USAGE_CPU_BASELINE: [
    'No CPU model fits all the CPUs that are to be combined.',
    'Leave out the host that differs most, or keep separate pools of hosts.',
  ],
  E_USAGE_CPU_FEATURE: [
    'A CPU feature has a name that is not known.',
    "Use libvirt's names, as `xenferry capabilities` prints them.",
  ],
  E_USAGE_CPU_MODEL: ['A CPU model has a name that is not known.', 'Use one of the models that the message lists.'],
  E_USAGE_CPU_VENDOR: [
    'The CPUs that are to be combined have different vendors.',
    'Compute one baseline for each vendor.',
  ],
  E_USAGE_CPU_XML: [
    'The CPU description is not well-formed, or lacks a required element.',
    'Use a document that `xenferry capabilities` or `xenferry dumpxml` has printed.',
  ],
  E_USAGE_DAYS: [
    'The validity given with `--days` is not a whole number in the allowed range.',
    'Give a whole number of days within the range that the message names.',
  ],
  E_USAGE_DEADLINE: [
    'The value of `--deadline` is not `NAME=SECONDS` with a known name.',
    'Use one of the names that the message lists, for example `--deadline connect=30`.',
  ],
  E_USAGE_DOMAIN_INVALID: [
    'The domain definition describes a guest that cannot exist.',
    'Correct the elements that the message names by their path.',
  ],
  E_USAGE_DOMAIN_NAME: [
    'The name of the domain is empty, too long or has characters that are not allowed.',
    'Choose a name of printable characters without a slash.',
  ],
  E_USAGE_DOMAIN_UNSUPPORTED: [
    "The domain definition asks for a feature that libvirt's XML can express but Xen or xenferry does not support.",
    'Remove or replace the elements that the message names by their path.',
  ],
  E_USAGE_DOMAIN_XML: [
    'The domain XML, or an option of libxl in it, cannot be understood.',
    'Correct the element or attribute that the message names.',
  ],
  E_USAGE_EVENT: [
    'The value of `--event` is not a known kind of event.',
    'Use one of the kinds that the message lists, or `--all`.',
  ],
  E_USAGE_FAULT: [
    'A fault that an embedded host is to inject is not known or has wrong parameters.',
    'Use a fault that the message lists; faults exist for tests only.',
  ],
  E_USAGE_FILE: [
    'A file named on the command line or in the environment cannot be read or is too large.',
    'Check the path and its permissions; the cause stands in the message.',
  ],
  E_USAGE_FORCE: [
    'A forced resolution of a migration in doubt was asked for without confirmation.',
    'Look at both hosts with `xenferry list` and `xl list`, and add `--yes` only if you are sure where the guest runs.',
  ],
  E_USAGE_HOST: [
    'A certificate was requested without a host name or address, or with one that is not valid.',
    'Give `--host` once for each name and address by which the host is dialled.',
  ],
  E_USAGE_HOST_FILE: [
    'The description of an embedded host (`host.json`) is not valid.',
    'Correct the field that the message names; docs/reference/embedded.md describes the file.',
  ],
  E_USAGE_IMPACT: [
    '`--current` was combined with `--live` or `--config`.',
    'Leave `--current` out: it is the default.',
  ],
  E_USAGE_INTERFACE: [
    "The network interface is not one of the domain's.",
    'Look up its MAC address or device with `xenferry domiflist DOMAIN`.',
  ],
  E_USAGE_LANES: [
    'The value of `--lanes` is not a whole number in the allowed range.',
    'Give a number of connections within the range that the message names.',
  ],
  E_USAGE_LIBVIRT_ARGUMENT: [
    "An argument of a call of libvirt's protocol is out of range.",
    'Look at the options of the client.',
  ],
  E_USAGE_LIBVIRT_FLAGS: [
    "A call of libvirt's protocol has flags that this host does not know.",
    'Leave the option out, or use the command of xenferry itself.',
  ],
  E_USAGE_LINES: [
    'The value of `--lines` is not a whole number.',
    'Give the number of log lines that are to be shown.',
  ],
  E_USAGE_LISTEN: ['The address to listen on is not `HOST:PORT`.', 'Write it like `0.0.0.0:16520` or `[::]:16520`.'],
  E_USAGE_MACHINE: [
    'The machine type is not one that Xen guests have.',
    'Use one of the machines that the message lists.',
  ],
  E_USAGE_METADATA: [
    'A title, a description or an element of metadata is not one that a domain can have.',
    'Correct what the message names.',
  ],
  E_USAGE_MODE: [
    'The value of `--mode` names an unknown way to shut down or reboot a guest.',
    'Use one of the ways that the message lists.',
  ],
  E_USAGE_NAME: [
    'The value of `--name` cannot be the common name of a certificate.',
    'Use 1 to 64 of the characters that the message lists.',
  ],
  E_USAGE_NOT_OPENED: [
    'A program passed an object to the API that is not an open host.',
    'Pass what `await openHost(...)` returned, of the same copy of the package.',
  ],
  E_USAGE_OTHER_DOMAIN: [
    'The XML given with an option describes another domain than the one that is to be moved or restored.',
    "Keep the domain's name and UUID in the file; `--dname` gives it another name at the destination.",
  ],
  E_USAGE_PARALLEL: [
    'The value of `--parallel` is not a whole number in the allowed range.',
    'Give a number of simultaneous migrations within the range that the message names.',
  ],
  E_USAGE_PEERS_MAY: [
    'An entry of `peers_may` in the configuration is not a known permission.',
    'Use `KIND` or `KIND:VALUE`; docs/reference/peer-policy.md lists the kinds.',
  ],
  E_USAGE_PKI_ENCRYPTED: [
    'The private key of the authority is encrypted, and xenferry never asks for a passphrase.',
    'Store the key without a passphrase in a folder that only root can read.',
  ],
  E_USAGE_PKI_MISMATCH: [
    'The key and the certificate in the folder of the authority do not belong together.',
    'Restore the folder from a backup, or create a new authority with `--force`.',
  ],
  E_USAGE_PKI_MISSING: [
    'The folder or a file of the certificate authority does not exist or cannot be read.',
    'Name the right folder with `--dir`, or create an authority with `xenferry pki init`.',
  ],
  E_USAGE_PM_SUSPEND: [
    'The target or the duration of a suspension is none that there is.',
    'Use `mem`, without a duration.',
  ],
  E_USAGE_RECONNECT: [
    'The value of `--reconnect-timeout` is not a number of seconds in the allowed range.',
    'Give a number of seconds within the range that the message names; 0 turns reconnection off.',
  ],
  E_USAGE_REPEATED: ['An option that takes one value was given several times.', 'Give it once.'],
  E_USAGE_REPLICATION: [
    '`xl` asked for Remus or COLO replication, which xenferry does not implement.',
    'Use `xl migrate-receive` at the destination for replication.',
  ],
  E_USAGE_SCHEDULING: [
    'A parameter of `--set` is not `NAME=VALUE`, is not known, or is out of range.',
    'Write it like `--set weight=512`; the verb without `--set` lists the parameters.',
  ],
  E_USAGE_SINCE: [
    'The value of `--since` is neither a time nor an age.',
    'Write it like `2026-11-23T08:00:00Z` or `15m`.',
  ],
  E_USAGE_SIZE: ['A size is not a number with a known unit.', 'Write it like `524288`, `512M` or `2GiB`.'],
  E_USAGE_TIMEOUT: [
    'The value of `--timeout`, or of a related option, is not a positive number of seconds.',
    'Give a number of seconds above 0, or leave the option out.',
  ],
  E_USAGE_TLS_DIR: [
    "No folder with this host's certificate is configured.",
    'Name it with `--tls-dir DIR` or as `tls_dir` in the configuration; `xenferry pki issue` creates one.',
  ],
  E_USAGE_URI: [
    'The URI of a host or a destination is not valid, or cannot be used for this verb.',
    'Use one of the forms in docs/reference/uris.md.',
  ],
  E_USAGE_VCPUS: [
    'A virtual CPU number or a set of physical CPUs is not valid.',
    'Write it like `xenferry vcpupin web1 0 2-3,^3`.',
  ],
  E_USAGE_VERB: [
    'The command line names a verb that does not exist.',
    'Use the verb that the hint suggests; `xenferry --help` lists them all.',
  ],
  E_USAGE_VIRTTYPE: ['The virtualization type is not one that this host runs.', 'Use `xen`, or leave the option out.'],
  E_USAGE_WORKLOAD: [
    'The workload of an embedded guest in its metadata is not valid.',
    'Correct the field that the message names; docs/reference/embedded.md lists them.',
  ],
  E_USAGE_XL_CONFIG: [
    'An xl configuration file has a syntax error or a value that is not allowed.',
    'Correct the line and column that the message names; docs/reference/xl-config.md lists the keys.',
  ],
  E_USAGE_XL_RELAY: [
    '`xenferry-ssh` was started with arguments other than those that `xl migrate` passes to ssh.',
    'Use it only as `xl migrate -s xenferry-ssh DOMAIN HOST`.',
  ],
});
