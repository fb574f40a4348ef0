import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { MAX_LEVEL, MIN_LEVEL, MAX_LANES } from '../../api/internal/limits.js';
import type { Migrated } from '../../api/migration.js';
import { UsageError } from '../../api/errors.js';
import { connectToDaemon } from '../daemon/daemon-client.js';
import { dialingOptions, ownAsker } from '../dialing-options.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import { DEFAULT_LANES } from '../../api/process/lanes.js';
import { failureOf, resultOf, summaryOf } from '../migrate/format-result.js';
import { printJson, printLine, printNote } from '../output.js';
import type { GlobalOptions } from '../global-options.js';
import { Progress, PROGRESS_STYLES, progressStyle } from '../progress.js';
import { StopSignals } from '../stop-signals.js';
import { flag, jsonResultFlag } from '../verb-options.js';

interface MigrateVerbOptions extends MigrateOptions {
  /** Undefined: through this host's daemon if one runs. */
  p2p?: boolean | undefined;
  json: boolean;
  progress: (typeof PROGRESS_STYLES)[number];
}

export const migrateCommand: CommandModule<GlobalOptions, MigrateVerbOptions> = {
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
        defaultDescription: 'one for each core but the first, 1 to 4',
        describe: `connections for the data, 1 to ${MAX_LANES}`,
      })
      .option('bandwidth', { type: 'number', describe: 'limit in MiB of guest memory per second' })
      .option('compress', {
        type: 'string',
        default: 'auto',
        describe: `auto, none, zstd or zstd:LEVEL (${MIN_LEVEL} to ${MAX_LEVEL}); zero and repeated pages are never sent`,
      })
      .option('reconnect-timeout', {
        type: 'number',
        describe: 'seconds to survive the loss of every connection; 0: not at all [30]',
      })
      .option('persistent', flag('let the destination keep a definition of the domain'))
      .option('persistent-xml', {
        type: 'string',
        describe: 'file with that definition, instead of the one stored here',
      })
      .option('undefinesource', flag('remove the definition here, once the destination has recorded the arrival'))
      .option('xml', {
        type: 'string',
        describe: 'file with domain XML for the destination; the guest sees no difference',
      })
      .option('timeout', { type: 'number', describe: 'seconds that live copying may take; then --timeout-suspend' })
      .option('timeout-suspend', flag('after --timeout, hold the guest until the copying is done'))
      .option('timeout-cancel', flag('after --timeout, cancel the migration'))
      .option('abort-on-error', { type: 'boolean', describe: 'accepted for virsh: every error ends a migration' })
      .option(
        'unsafe',
        flag(
          "override the destination's checks: that the disks are there, that its Xen is no older, that its processor will do",
        ),
      )
      .option('p2p', {
        type: 'boolean',
        describe: 'let the daemon of this host do it, if one runs; --no-p2p: this process [if one runs]',
      })
      .option('tunnelled', { type: 'boolean', describe: 'accepted for virsh: always on' })
      .option('verbose', { type: 'boolean', describe: 'accepted for virsh: progress is always shown' })
      .option('progress', {
        choices: PROGRESS_STYLES,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .option('json', jsonResultFlag)
      .example('$0 migrate --live web1 xen+tls://host2/system --tls-dir /etc/xenferry/tls', 'move web1 while it runs'),
  handler: async (options) => {
    try {
      const migrated = await run(options);
      for (const warning of migrated.warnings) printNote(`warning: ${warning}`);
      if (options.json) printJson(resultOf(migrated));
      else printLine(summaryOf(migrated, options.desturi));
    } catch (error) {
      if (options.json) printJson(failureOf(error));
      throw error;
    }
  },
};

/** Code that the daemon runs is not loaded here: every verb is a process of its own. */
async function run({ p2p, json, progress: style, ...rest }: MigrateVerbOptions): Promise<Migrated> {
  const options = await withFiles(rest);
  using stop = new StopSignals('the migration');
  using progress = new Progress(`migrating ${options.domain}`, progressStyle({ progress: style, json }));
  const session: MigrateSession = {
    ...ownAsker(),
    cancel: stop.cancel,
    abandon: stop.abandon,
    onProgress: progress.take,
    onNotice: (text) => printNote(`notice: ${text}`),
  };
  using daemon = p2p === false ? undefined : await connectToDaemon(options, session);
  if (daemon !== undefined) return await daemon.migrate(options, session, style !== 'none');
  const { migrateHere } = await import('../migrate/on-host.js');
  return await migrateHere(options, session);
}

/** The options with the contents of their files, and with absolute paths. */
async function withFiles(options: MigrateOptions): Promise<MigrateOptions> {
  const { xml, 'persistent-xml': persistentXml, 'tls-dir': tlsDir } = options;
  if (persistentXml !== undefined && !options.persistent) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--persistent-xml without --persistent has no effect', {
      hint: 'Add --persistent.',
    });
  }
  return {
    ...options,
    ...(xml === undefined ? {} : { xml: await userXml(xml) }),
    ...(persistentXml === undefined ? {} : { 'persistent-xml': await userXml(persistentXml) }),
    ...(tlsDir === undefined ? {} : { 'tls-dir': resolve(tlsDir) }),
  };
}

/** Reading a named file takes calls of libc, which are not loaded for a migration that names none. */
async function userXml(path: string): Promise<string> {
  return (await import('../user-file.js')).readUserXml(path);
}
