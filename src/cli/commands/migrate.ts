import { availableParallelism } from 'node:os';
import type { CommandModule } from 'yargs';
import { MAX_LEVEL, MIN_LEVEL, type Compression } from '../../codec/agreement.js';
import { checkDomainName } from '../../domain/names.js';
import { migrate, type Migrated } from '../../driver/migrate.js';
import { MigrationError } from '../../driver/migration-error.js';
import type { CopyTimeout } from '../../driver/migration-timeout.js';
import { openDestination } from '../../driver/open-destination.js';
import { MAX_RECONNECT_MS } from '../../control/messages.js';
import { UsageError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import { destinationOf, dialerOptions, dialingOptions, type DialingOptions } from '../dialing.js';
import { flag, readUserFile } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printNote } from '../output.js';
import { transferFigures, transferText } from '../transfer-figures.js';
import { Progress, PROGRESS_STYLES, progressStyle } from '../progress.js';
import { StopSignals } from '../stop-signals.js';

const MAX_LANES = 64;
const MAX_TIMEOUT_S = 86_400;

/** A lane keeps one core busy with encryption; beside a second one, the loss of one is no outage. */
const DEFAULT_LANES = Math.min(4, Math.max(2, availableParallelism()));

interface MigrateOptions extends GlobalOptions, DialingOptions {
  domain: string;
  desturi: string;
  live: boolean;
  suspend: boolean;
  dname?: string | undefined;
  persistent: boolean;
  'persistent-xml'?: string | undefined;
  undefinesource: boolean;
  xml?: string | undefined;
  timeout?: number | undefined;
  'timeout-suspend': boolean;
  'timeout-cancel': boolean;
  unsafe: boolean;
  lanes: number;
  bandwidth?: number | undefined;
  compress: string;
  'reconnect-timeout'?: number | undefined;
  json: boolean;
  progress: (typeof PROGRESS_STYLES)[number];
}

export const migrateCommand: CommandModule<GlobalOptions, MigrateOptions> = {
  command: 'migrate <domain> <desturi>',
  describe: 'move a domain to another host',
  builder: (yargs) =>
    dialingOptions(yargs)
      .positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' })
      .positional('desturi', {
        type: 'string',
        demandOption: true,
        describe: 'xen+tls://HOST[:PORT]/system, xen+ssh://[USER@]HOST[:PORT]/system or xl+ssh://[USER@]HOST[:PORT]',
      })
      .option('live', { type: 'boolean', default: false, describe: 'copy memory while the guest runs' })
      .option('suspend', { type: 'boolean', default: false, describe: 'leave the guest paused at the destination' })
      .option('dname', { type: 'string', describe: 'another name at the destination' })
      .option('lanes', {
        type: 'number',
        default: DEFAULT_LANES,
        defaultDescription: 'one for each core, 2 to 4',
        describe: `connections for the data, 1 to ${MAX_LANES}`,
      })
      .option('bandwidth', { type: 'number', describe: 'most MiB of guest memory a second' })
      .option('compress', {
        type: 'string',
        default: 'auto',
        describe: `auto, none, zstd or zstd:LEVEL (${MIN_LEVEL} to ${MAX_LEVEL}); zero and repeated pages are never sent`,
      })
      .option('reconnect-timeout', {
        type: 'number',
        describe: 'seconds to outlive the loss of every connection; 0: not at all [30]',
      })
      .option('persistent', flag('let the destination keep a definition of the domain'))
      .option('persistent-xml', {
        type: 'string',
        describe: 'file with that definition, in place of the one kept here',
      })
      .option('undefinesource', flag('forget the definition here, once the destination has recorded the arrival'))
      .option('xml', {
        type: 'string',
        describe: 'file with domain XML for the destination; the guest sees no difference',
      })
      .option('timeout', { type: 'number', describe: 'seconds that live copying may take; then --timeout-suspend' })
      .option('timeout-suspend', flag('behind --timeout, hold the guest until the copying is done'))
      .option('timeout-cancel', flag('behind --timeout, give the migration up'))
      .option('abort-on-error', { type: 'boolean', describe: 'accepted for virsh: every error ends a migration' })
      .option('unsafe', flag("override the destination's check that the disks are there"))
      .option('p2p', { type: 'boolean', describe: 'accepted for virsh: it is always so' })
      .option('tunnelled', { type: 'boolean', describe: 'accepted for virsh: it is always so' })
      .option('verbose', { type: 'boolean', describe: 'accepted for virsh: progress is always shown' })
      .option('progress', {
        choices: PROGRESS_STYLES,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'one object as the result, progress as JSON lines on stderr',
      })
      .example('$0 migrate --live web1 xen+tls://host2/system --tls-dir /etc/xenferry/tls', 'move web1 while it runs'),
  handler: async (options) => {
    try {
      const migrated = await run(options);
      for (const warning of migrated.warnings) printNote(`warning: ${warning}`);
      if (options.json) printJson(resultOf(migrated));
      else printLine(sentenceOf(migrated, options.desturi));
    } catch (error) {
      if (options.json) printJson(failureOf(error));
      throw error;
    }
  },
};

async function run(options: MigrateOptions): Promise<Migrated> {
  if (!Number.isInteger(options.lanes) || options.lanes < 1 || options.lanes > MAX_LANES) {
    throw new UsageError('E_USAGE_LANES', `--lanes ${options.lanes}: a whole number from 1 to ${MAX_LANES} is needed`);
  }
  if (options.bandwidth !== undefined && !(options.bandwidth > 0)) {
    throw new UsageError('E_USAGE_BANDWIDTH', `--bandwidth ${options.bandwidth}: a number of MiB/s over 0 is needed`);
  }
  const reconnect = options['reconnect-timeout'];
  if (reconnect !== undefined && !(reconnect >= 0 && reconnect <= MAX_RECONNECT_MS / 1000)) {
    throw new UsageError(
      'E_USAGE_RECONNECT',
      `--reconnect-timeout ${reconnect}: seconds from 0 to ${MAX_RECONNECT_MS / 1000} are needed`,
    );
  }
  if (options.dname !== undefined) checkDomainName(options.dname);
  const compression = parseCompression(options.compress);
  const timeout = copyTimeout(options);
  if (options['persistent-xml'] !== undefined && !options.persistent) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--persistent-xml without --persistent keeps nothing', {
      hint: 'Add --persistent.',
    });
  }
  const xml = options.xml === undefined ? undefined : readUserFile(options.xml);
  const persistentXml = options['persistent-xml'] === undefined ? undefined : readUserFile(options['persistent-xml']);
  const uri = destinationOf(options, options.desturi);
  const deadline = [...(options.deadline ?? []), ...(reconnect === undefined ? [] : [`reconnect=${reconnect}`])];
  await using host = await openHost({ ...options, deadline });
  using stop = new StopSignals('the migration');
  await using destination = await openDestination(uri, dialerOptions(options), () => host.hello(stop.cancel));
  using progress = new Progress(`migrating ${options.domain}`, progressStyle(options));
  return await migrate(host, {
    domain: options.domain,
    destination: options.desturi,
    connect: destination.connect,
    live: options.live,
    suspend: options.suspend,
    dname: options.dname,
    persistent: options.persistent,
    persistentXml,
    undefineSource: options.undefinesource,
    xml,
    timeout,
    unsafe: options.unsafe,
    lanes: options.lanes,
    bandwidthMiBps: options.bandwidth,
    compression,
    cancel: stop.cancel,
    hurry: stop.hurry,
    onProgress: progress.take,
  });
}

function copyTimeout(options: MigrateOptions): CopyTimeout | undefined {
  const { timeout: seconds, 'timeout-suspend': suspend, 'timeout-cancel': cancel } = options;
  const bad = (message: string, hint: string): UsageError => new UsageError('E_USAGE_TIMEOUT', message, { hint });
  if (suspend && cancel) throw bad('--timeout-suspend and --timeout-cancel exclude each other', 'Give one.');
  if (seconds === undefined) {
    if (!suspend && !cancel) return undefined;
    throw bad(`--timeout-${suspend ? 'suspend' : 'cancel'} without --timeout`, 'Add --timeout SECONDS.');
  }
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_S)) {
    throw bad(`--timeout ${seconds}: seconds over 0, at most ${MAX_TIMEOUT_S}, are needed`, 'A day at most.');
  }
  if (!options.live) throw bad('--timeout without --live', 'Only live copying has an end that is open: add --live.');
  return { seconds, then: cancel ? 'cancel' : 'suspend' };
}

function parseCompression(text: string): Compression {
  if (text === 'auto' || text === 'none') return text;
  const level = /^zstd(?::(-?\d{1,3}))?$/.exec(text)?.[1];
  if (text === 'zstd') return { level: 1 };
  if (level !== undefined && Number(level) !== 0 && Number(level) >= MIN_LEVEL && Number(level) <= MAX_LEVEL) {
    return { level: Number(level) };
  }
  throw new UsageError(
    'E_USAGE_COMPRESS',
    `--compress ${text}: auto, none, zstd or zstd:LEVEL with a level from ${MIN_LEVEL} to ${MAX_LEVEL}, not 0, is needed`,
  );
}

function resultOf(migrated: Migrated): Record<string, unknown> {
  return {
    result: 'done',
    domain: migrated.domain,
    running: migrated.runningThere,
    totalMs: Math.round(migrated.totalMs),
    downtimeMs: migrated.downtimeMs === undefined ? null : Math.round(migrated.downtimeMs),
    rawBytes: migrated.rawBytes,
    wireBytes: migrated.wireBytes,
    ...transferFigures(migrated),
    rounds: migrated.rounds,
    lanes: migrated.lanes,
    transport: migrated.transport,
    reconnects: migrated.reconnects,
    digest: migrated.digest,
    persistent: migrated.persistentThere,
    warnings: migrated.warnings,
  };
}

/** What `--json` says of a migration that did not happen. `guest` is `untouched` where nothing had begun. */
function failureOf(error: unknown): Record<string, unknown> {
  const migration = error instanceof MigrationError ? error : undefined;
  return {
    result: 'failed',
    code: codeOf(error),
    phase: migration?.phase ?? 'begin',
    guest: migration?.guest ?? 'untouched',
    message: messageOf(error),
    hint: (error instanceof XenferryError ? error.hint : undefined) ?? null,
  };
}

function sentenceOf(migrated: Migrated, destination: string): string {
  const { domain, totalMs, downtimeMs, rounds, lanes, transport, reconnects } = migrated;
  const state = migrated.runningThere ? 'runs' : 'is paused';
  const downtime = downtimeMs === undefined ? '' : `, downtime ${Math.round(downtimeMs)} ms`;
  const again = reconnects === 0 ? '' : `, ${reconnects} connections made again`;
  return `${domain} ${state} at ${destination}: ${(totalMs / 1000).toFixed(2)} s${downtime}, ${transferText(migrated)}, ${rounds} rounds, ${lanes} lanes over ${transport}${again}`;
}
