import { DEFAULT_DEADLINES } from '../../control/deadlines.js';

/** Text of the reference page about one key of the configuration. */
export interface ConfigKeyText {
  readonly meaning: string;
  /** The default. */
  readonly preset: string;
  /** A value in TOML. */
  readonly example: string;
}

const DEADLINE_MEANINGS: Readonly<Record<keyof typeof DEFAULT_DEADLINES, string>> = {
  connectMs: 'Seconds for connecting, the handshake and the first messages.',
  prepareMs: 'Seconds for the checks of the destination and the start of its restore.',
  stallMs: 'Seconds without a byte moved at either end. libxl itself waits 60 s for a guest to suspend.',
  reconnectMs: 'Seconds without any connection before the migration fails (`--reconnect-timeout`).',
  restoreMs: 'Seconds that the restore may take after the last byte.',
  finishMs: 'Seconds between the request to finish and the answer of the destination.',
  askMs: 'Seconds for which a destination that does not answer is asked again.',
  callMs: 'Seconds for any other call of the toolstack.',
  jobMs: 'Seconds to wait for another job on the same domain.',
};

const deadlineTexts = Object.entries(DEADLINE_MEANINGS).map(([name, meaning]): [string, ConfigKeyText] => {
  const seconds = String(DEFAULT_DEADLINES[name as keyof typeof DEFAULT_DEADLINES] / 1000);
  return [`deadlines.${name.replace(/Ms$/, '')}`, { meaning, preset: `\`${seconds}\``, example: seconds }];
});

const key = (meaning: string, preset: string, example: string): ConfigKeyText => ({ meaning, preset, example });

/** Every key, with tables as `TABLE.KEY`. */
export const CONFIG_TEXTS: Readonly<Record<string, ConfigKeyText>> = {
  uri_default: key('URI or alias of the host whose domains a command works on.', '`xen:///system`', '"xen:///system"'),
  uri_aliases: key(
    'Short names of hosts, as `NAME=URI`, for `-c` and for destinations.',
    'none',
    '["hv2=xen+tls://hv2.example/system"]',
  ),
  listen: key('Address on which `xenferry serve` listens, as `HOST:PORT`.', '`0.0.0.0:16520`', '"0.0.0.0:16520"'),
  tls_dir: key('Folder with `ca.pem`, `cert.pem` and `key.pem`.', 'none', '"/etc/xenferry/tls"'),
  allow: key(
    'Hosts that may send guests here, by the names in their certificates; `*.DOMAIN` or `*` for many. Read again at SIGHUP.',
    'no host',
    '["hv1.example", "*.rack2.example"]',
  ),
  allow_recover: key(
    'Further hosts that may ask about the outcome of migrations, and start none.',
    'none',
    '["hv7.example"]',
  ),
  allow_ssh: key(
    'Users of this host, or fingerprints of keys, that may bring guests by ssh.',
    'every login that sshd accepts',
    '["ferry"]',
  ),
  guest_paths: key(
    'Folders and files that guests of other hosts may use here; see [peer-policy.md](peer-policy.md).',
    'the usual image folders, and those of the definitions of this host',
    '["/var/lib/xen/images", "/srv"]',
  ),
  peers_may: key(
    'What else guests of other hosts may name, as `KIND` or `KIND:VALUE`; see [peer-policy.md](peer-policy.md).',
    'nothing',
    '["listen:0.0.0.0"]',
  ),
  hooks_dir: key('Folder of the hook scripts.', '`/etc/xenferry/hooks`', '"/etc/xenferry/hooks"'),
  hook_timeout: key('Seconds that one hook script may take.', '`20`', '20'),
  keepalive_interval: key(
    'Seconds between keepalives on a connection; 0 turns them off.',
    '`5`; data connections every 2 s where neither key is set',
    '5',
  ),
  keepalive_count: key('Unanswered keepalives after which a connection counts as lost.', '`5`', '5'),
  autoballoon: key(
    'Whether domain 0 gives up memory for a guest: `"auto"`, `true` or `false`. `"auto"` does so unless `dom0_mem` fixes its memory.',
    '`"auto"`',
    '"auto"',
  ),
  nested_hvm: key(
    'Whether an HVM guest with the CPU mode `host-passthrough` may run a hypervisor itself.',
    '`false`',
    'false',
  ),
  lock_manager: key(
    '`"file"` takes leases of the disks that a guest writes to; `"none"` does not lock disks. `"file"` needs `lease_dir`.',
    '`"none"`',
    '"file"',
  ),
  libvirt_sockets: key(
    'Whether `serve` answers clients of libvirt at `/run/libvirt/virtxend-sock` and `virtxend-sock-ro`.',
    '`false`',
    'true',
  ),
  lease_dir: key('Folder of the leases on a file system that all hosts share.', 'none', '"/srv/shared/leases"'),
  max_migrations: key(
    'Migrations that this host sends, and receives, at once; further ones wait in a queue.',
    'no limit',
    '4',
  ),
  max_arrivals: key('Migrations that may come in at once from all hosts; further ones are refused.', '`8`', '8'),
  max_arrivals_of_peer: key('Migrations that may come in at once from one host; further ones are refused.', '`4`', '4'),
  monitor: key(
    'Whether a small process per domain carries out `on_poweroff`, `on_reboot` and `on_crash` where no `xenferry serve` runs.',
    '`true`',
    'true',
  ),
  log_dir: key('Folder of the logs.', '`/var/log/xenferry` for root', '"/var/log/xenferry"'),
  log_level: key('Lowest level that is logged: `debug`, `info`, `warning` or `error`.', '`"info"`', '"info"'),
  log_size: key('Size in MiB at which a log is rotated.', '`2`', '2'),
  log_count: key('Number of rotated logs that are kept.', '`3`', '3'),
  ...Object.fromEntries(deadlineTexts),
};

/** The table of docs/reference/configuration.md, one row a key. */
export function configTable(): string {
  const rows = Object.entries(CONFIG_TEXTS).map(
    ([name, { meaning, preset, example }]) => `| \`${name}\` | ${meaning} | ${preset} | \`${example}\` |`,
  );
  return ['| key | meaning | default | example |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}
