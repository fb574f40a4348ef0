import { z } from '../../api/internal/schemas-mini.js';
import type { Downtime, Migrated } from '../../api/migration.js';
import type { MigrationFacts, ProgressEvent } from '../../api/errors.js';
import type { WireError } from '../../api/internal/wire.js';
import type { StageCounts } from '../../api/internal/report.js';
import type { PeerIdentity, SshLogin } from '../../api/internal/ssh.js';
import type { ConfigFile } from '../../api/process/config-file.js';
import type { Asker } from '../dialing-options.js';
import type { MigrateOptions } from '../migrate/options.js';

/*
 * The messages of a daemon's socket. The daemon names its release and its host; the client has its arguments parsed, or a socket opened, which
 * ends the conversation, or orders a migration; then the daemon reports its progress and its result. Both are of one release (`hello` keeps its
 * form across releases, so that each recognises another), on one host, of one user. The schemas are those of zod/mini: a client loads nothing
 * larger.
 */

/** Two files of domain XML, of a mebibyte each, as text in JSON. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** The socket in a host's state folder. */
export const DAEMON_SOCKET = 'serve.sock';

const text = z.optional(z.string());
const flag = z.boolean();
const count = z.number();

const phase = z.enum(['begin', 'prepare', 'perform', 'finish', 'confirm']);
const place = z.enum([
  'source-running',
  'source-paused',
  'source-suspended',
  'source-stopped',
  'destination',
  'in-doubt',
]);

const stages: z.ZodMiniType<StageCounts> = z.object({
  codec: z.exactOptional(
    z.object({
      rawBytes: count,
      zeroBytes: count,
      copiedBytes: count,
      deltaBytes: count,
      deltaWireBytes: count,
      dataBytes: count,
      packedBytes: count,
      packedToBytes: count,
      plainBytes: count,
      packMs: count,
      encodeMs: count,
      level: count,
    }),
  ),
  digestMs: count,
  sendWaitMs: count,
});

const progress: z.ZodMiniType<ProgressEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('phase'), phase }),
  z.object({ type: z.literal('round'), round: count, pagesSent: count, pagesTotal: count }),
  z.object({ type: z.literal('suspended'), atMs: count }),
  z.object({ type: z.literal('log'), level: z.enum(['debug', 'info', 'warning', 'error']), text: z.string() }),
  z.object({ type: z.literal('bytes'), rawBytes: count, wireBytes: count, stages: z.exactOptional(stages) }),
  z.object({ type: z.literal('notice'), text: z.string() }),
  z.object({
    type: z.literal('connection'),
    state: z.enum(['lost', 'back']),
    lane: z.exactOptional(count),
    why: z.exactOptional(z.string()),
  }),
]);

const downtime: z.ZodMiniType<Downtime> = z.object({
  totalMs: count,
  drainMs: z.exactOptional(count),
  lastRoundMs: z.exactOptional(count),
  arrival: z.exactOptional(z.object({ restoreMs: count, commitMs: count, unpauseMs: count })),
});

/** Without `error`: what is left to be told of it stands in the warnings. */
const migrated: z.ZodMiniType<Migrated> = z.object({
  domain: z.string(),
  place,
  phase,
  cancelled: flag,
  warnings: z.array(z.string()),
  runningThere: flag,
  persistentThere: flag,
  totalMs: count,
  downtimeMs: z.exactOptional(count),
  downtime: z.exactOptional(downtime),
  rawBytes: count,
  wireBytes: count,
  transferMs: count,
  stages: z.exactOptional(stages),
  rounds: count,
  lanes: count,
  transport: z.string(),
  reconnects: count,
  digest: z.exactOptional(z.string()),
});

const wireError: z.ZodMiniType<WireError> = z.object({
  code: z.string(),
  message: z.string(),
  hint: text,
  data: z.optional(z.record(z.string(), z.union([z.string(), count, flag, z.null(), z.array(z.string())]))),
});

const facts: z.ZodMiniType<MigrationFacts> = z.object({ guest: place, phase, cancelled: flag });

const migrateShape = {
  connect: text,
  stateDir: text,
  configFile: text,
  deadline: z.optional(z.array(z.string())),
  'tls-dir': text,
  transport: z.optional(z.literal('ssh')),
  'remote-command': text,
  domain: z.string(),
  desturi: z.string(),
  live: flag,
  suspend: flag,
  dname: text,
  persistent: flag,
  'persistent-xml': text,
  undefinesource: flag,
  xml: text,
  timeout: z.optional(count),
  'timeout-suspend': flag,
  'timeout-cancel': flag,
  unsafe: flag,
  lanes: count,
  bandwidth: z.optional(count),
  compress: z.string(),
  'reconnect-timeout': z.optional(count),
};
const migrateOptions: z.ZodMiniType<MigrateOptions> = z.object(migrateShape);

/** The options of a `migrate` with what its own process makes of them; yargs adds keys of its own. */
export const parsedMigrateSchema = z.looseObject({
  ...migrateShape,
  p2p: z.optional(flag),
  json: flag,
  progress: z.string(),
});

const environment: z.ZodMiniType<Asker['environment']> = z.object({
  home: z.string(),
  user: z.string(),
  uid: count,
  agentSocket: z.exactOptional(z.string()),
  hostname: z.exactOptional(z.string()),
  variables: z.exactOptional(z.record(z.string(), z.exactOptional(z.string()))),
  systemDir: z.exactOptional(z.string()),
});

const peer: z.ZodMiniType<PeerIdentity> = z.object({
  transport: z.enum(['tls', 'ssh']),
  name: z.string(),
  fingerprint: z.exactOptional(z.string()),
  key: z.exactOptional(z.string()),
  address: z.string(),
});
const login: z.ZodMiniType<SshLogin> = z.object({ user: z.string(), keys: z.array(z.string()) });
const config: z.ZodMiniType<ConfigFile> = z.object({ file: z.string(), isNamed: flag });

/** What a daemon sends. */
export const daemonMessageSchema = z.discriminatedUnion('say', [
  /** The form of this message is the same in every release. */
  z.object({ say: z.literal('hello'), version: z.string(), uri: z.string() }),
  /** The options of a `migrate`; without them, the client is to parse its arguments itself. */
  z.object({ say: z.literal('parsed'), options: z.optional(parsedMigrateSchema) }),
  /** The socket that the bytes of an ssh connection are to be joined to. */
  z.object({ say: z.literal('door'), path: z.string() }),
  z.object({ say: z.literal('progress'), event: progress }),
  z.object({ say: z.literal('notice'), text: z.string() }),
  /** Asks for a passphrase; to be answered with the same number. */
  z.object({ say: z.literal('ask'), id: count, file: z.string() }),
  z.object({ say: z.literal('done'), migrated }),
  z.object({
    say: z.literal('failed'),
    error: wireError,
    /** The exit code of the verb. */
    exitCode: count,
    /** Facts of a migration that had begun. */
    facts: z.exactOptional(facts),
  }),
]);
export type DaemonMessage = Readonly<z.infer<typeof daemonMessageSchema>>;

/** What a client of a daemon sends. */
export const clientMessageSchema = z.discriminatedUnion('say', [
  /** The arguments of `xenferry` on a command line. */
  z.object({ say: z.literal('parse'), words: z.readonly(z.array(z.string())) }),
  /** The client was started by sshd, as `receive`, and has this connection. */
  z.object({ say: z.literal('receive'), peer, login, config }),
  z.object({
    say: z.literal('migrate'),
    options: migrateOptions,
    environment,
    wantsProgress: flag,
    /** Whether the user can be asked for a passphrase. */
    canAsk: flag,
  }),
  z.object({ say: z.literal('cancel'), why: z.string() }),
  z.object({ say: z.literal('hurry'), why: z.string() }),
  z.object({ say: z.literal('answer'), id: count, text }),
]);
export type ClientMessage = Readonly<z.infer<typeof clientMessageSchema>>;

/** An ssh login, at a process that hands its connection over. */
export interface Visitor {
  readonly peer: PeerIdentity;
  readonly login: SshLogin;
  /** The configuration of that process, which may allow fewer logins than the daemon's. */
  readonly config: ConfigFile;
}

/** The URI of a host, as both sides write it. */
export function uriText(uri: { readonly kind: 'xen' } | { readonly kind: 'embedded'; readonly dir: string }): string {
  return uri.kind === 'xen' ? 'xen:///system' : `embedded://${uri.dir}`;
}
