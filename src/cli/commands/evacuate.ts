import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { UsageError } from '../../api/errors.js';
import type { Evacuated, EvacuateOptions as Evacuation, EvacuationPlan, Left } from '../../api/evacuation.js';
import {
  checkEvacuation,
  DEFAULT_PARALLEL,
  evacuateWith,
  MAX_PARALLEL,
  planWith,
  type EvacuationWays,
} from '../../api/process/evacuate-with.js';
import { DEFAULT_LANES } from '../../api/process/lanes.js';
import type { Migrated, MigrateOptions as Migration } from '../../api/migration.js';
import { migrateWith } from '../../api/process/migrate-with.js';
import type { LocalHost } from '../../api/process/local-host.js';
import { bytesText } from '../bytes-text.js';
import { connectToDaemon } from '../daemon/daemon-client.js';
import { printNotice, settingsOf } from '../dialing.js';
import { dialingOptions, ownAsker, reachOptionsOf, type Asker, type DialingOptions } from '../dialing-options.js';
import { shownName, type JsonOptions } from '../domain-options.js';
import { EXIT } from '../exit.js';
import type { GlobalOptions } from '../global-options.js';
import { EvacuationNews } from '../migrate/evacuation-news.js';
import { failureOf } from '../migrate/format-result.js';
import { checkOptions, flagOf, parseCompression } from '../migrate/on-host.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import { openHost } from '../open.js';
import { printJson, printLine, printNote, printTable } from '../output.js';
import { setExitCode } from '../result.js';
import { sharedAsker } from '../shared-asker.js';
import { StopSignals } from '../stop-signals.js';
import { flag, jsonResultFlag } from '../verb-options.js';

interface EvacuateOptions extends JsonOptions, DialingOptions {
  to: readonly string[];
  exclude: readonly string[];
  parallel: number;
  'dry-run': boolean;
  live: boolean;
  persistent: boolean;
  undefinesource: boolean;
  unsafe: boolean;
  bandwidth?: number | undefined;
  compress: string;
  progress: 'auto' | 'lines' | 'none';
}

export const evacuateCommand: CommandModule<GlobalOptions, EvacuateOptions> = {
  command: 'evacuate',
  describe: 'move every domain of this host to others',
  builder: (yargs) =>
    dialingOptions(yargs)
      .option('to', {
        type: 'string',
        array: true,
        nargs: 1,
        demandOption: true,
        describe: 'destinations: URIs or aliases, separated by commas; may be repeated',
      })
      .option('exclude', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [],
        describe: 'a domain that stays: name, UUID or id; may be repeated',
      })
      .option('parallel', {
        type: 'number',
        default: DEFAULT_PARALLEL,
        describe: `domains that are moved at the same time, 1 to ${MAX_PARALLEL}`,
      })
      .option('dry-run', flag('only print which domain would go where, and which destinations answer'))
      .option('live', {
        type: 'boolean',
        default: true,
        describe: 'copy memory while the guests run; --no-live: suspend them first',
      })
      .option('persistent', flag('let the destinations keep definitions of the domains'))
      .option('undefinesource', flag('remove the definitions here, each once its domain has arrived'))
      .option(
        'unsafe',
        flag(
          "override the destinations' checks: that the disks are there, that their Xen is no older, that their processors will do",
        ),
      )
      .option('bandwidth', { type: 'number', describe: 'limit in MiB of guest memory per second, for each domain' })
      .option('compress', { type: 'string', default: 'auto', describe: 'as for migrate' })
      .option('progress', {
        choices: ['auto', 'lines', 'none'] as const,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .option('json', jsonResultFlag)
      .example('$0 evacuate --to xen+ssh://hv2/system,xen+ssh://hv3/system --dry-run', 'the plan')
      .example('$0 evacuate --to hv2 --to hv3 --exclude build1', 'empty this host except build1'),
  handler: async (options) => {
    try {
      await run(options);
    } catch (error) {
      if (options.json) printJson(failureOf(error));
      throw error;
    }
  },
};

async function run(options: EvacuateOptions): Promise<void> {
  const evacuation = evacuationOf(options);
  checkEvacuation(evacuation, flagOf);
  for (const destination of evacuation.to) checkOptions(migrationOf(options, '', destination));
  const news = new EvacuationNews(options.json ? 'json' : options.progress === 'none' ? 'none' : 'lines');
  using stop = new StopSignals('the evacuation');
  await using host = await openHost(options);
  const own = ownAsker();
  const asker = sharedAsker(own);
  const watched: Evacuation = {
    ...evacuation,
    signal: stop.cancel,
    abandonSignal: stop.abandon,
    onAttempt: news.attempt,
    onProgress: news.progress,
    onNotice: news.notice,
    onWarning: (text) => news.warning(text),
  };
  const ways: EvacuationWays = {
    settings: settingsOf(options, own),
    asker: () => asker().askPassphrase,
    move: (migration) => moveOne(host, options, migration, own),
  };
  if (options['dry-run']) {
    const plan = await planWith(host, { ...watched, onNotice: printNotice }, ways);
    tellPlan(plan, options.json);
    if (plan.destinations.every(({ error }) => error !== undefined)) setExitCode(EXIT.refused);
    return;
  }
  tellReport(await evacuateWith(host, watched, ways), stop.cancel.aborted, options.json);
}

/** @throws UsageError */
function destinationsOf(options: EvacuateOptions): string[] {
  const words = options.to.flatMap((text) => text.split(',')).filter((text) => text !== '');
  if (words.length === 0) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--to names no destination', {
      hint: 'Add --to URI, or several between commas.',
    });
  }
  return [...new Set(words)];
}

/** The options as the API takes them. */
function evacuationOf(options: EvacuateOptions): Evacuation {
  return {
    ...reachOptionsOf(options),
    to: destinationsOf(options),
    exclude: options.exclude,
    parallel: options.parallel,
    live: options.live,
    persistent: options.persistent,
    undefineSource: options.undefinesource,
    unsafe: options.unsafe,
    bandwidthMiBps: options.bandwidth,
    compression: parseCompression(options.compress),
  };
}

function migrationOf(options: EvacuateOptions, domain: string, destination: string): MigrateOptions {
  const { 'tls-dir': tlsDir } = options;
  return {
    connect: options.connect,
    stateDir: options.stateDir,
    deadline: options.deadline,
    configFile: options.configFile,
    transport: options.transport,
    'remote-command': options['remote-command'],
    ...(tlsDir === undefined ? {} : { 'tls-dir': resolve(tlsDir) }),
    domain,
    desturi: destination,
    live: options.live,
    suspend: false,
    persistent: options.persistent,
    undefinesource: options.undefinesource,
    'timeout-suspend': false,
    'timeout-cancel': false,
    unsafe: options.unsafe,
    lanes: DEFAULT_LANES,
    bandwidth: options.bandwidth,
    compress: options.compress,
  };
}

/** By this host's daemon where one runs: what was begun then goes on without this process. */
async function moveOne(
  host: LocalHost,
  options: EvacuateOptions,
  migration: Migration,
  { environment }: Asker,
): Promise<Migrated> {
  const order = migrationOf(options, migration.domain, migration.destination);
  const never = new AbortController().signal;
  const session: MigrateSession = {
    environment,
    askPassphrase: migration.askPassphrase,
    cancel: migration.signal ?? never,
    abandon: migration.abandonSignal ?? never,
    onProgress: (event) => migration.onProgress?.(event),
    onNotice: (text) => migration.onNotice?.(text),
  };
  using daemon = await connectToDaemon(order, session);
  if (daemon !== undefined) return await daemon.migrate(order, session, true);
  return await migrateWith(host, settingsOf(options, { environment }), migration);
}

function tellPlan({ destinations: seen, routes }: EvacuationPlan, json: boolean): void {
  if (json) {
    const domains = routes.map(({ leaver: { uuid, name, memoryKiB }, destinations }) => ({
      name,
      uuid,
      memoryKiB,
      destinations,
    }));
    printJson({ result: 'planned', destinations: seen, domains });
    return;
  }
  printTable(
    ['Destination', 'Host', 'Answers'],
    seen.map(({ destination, hostname, error }) => [
      destination,
      hostname ?? '-',
      error === undefined ? 'yes' : `no: ${error}`,
    ]),
  );
  printLine('');
  printTable(
    ['Name', 'Memory', 'Destination'],
    routes.map(({ leaver, destinations }) => [
      shownName(leaver.name),
      bytesText(leaver.memoryKiB * 1024),
      destinations[0],
    ]),
  );
  printNote('Each destination checks memory and disks only when it is asked to prepare.');
}

function tellReport(report: Evacuated, cancelled: boolean, json: boolean): void {
  const code = exitCodeFor(report, cancelled);
  setExitCode(code);
  if (json) {
    const result = { [EXIT.done]: 'done', [EXIT.partly]: 'partly', [EXIT.cancelled]: 'cancelled' }[code] ?? 'failed';
    printJson({ result, ...report });
    return;
  }
  if (report.domains.length > 0) {
    printTable(
      ['Name', 'Result', 'Destination', 'Total', 'Downtime'],
      report.domains.map((domain) => [
        shownName(domain.name),
        resultText(domain),
        domain.destination ?? '-',
        domain.totalMs === undefined ? '-' : `${(domain.totalMs / 1000).toFixed(2)} s`,
        domain.downtimeMs === undefined ? '-' : `${Math.round(domain.downtimeMs)} ms`,
      ]),
    );
  }
  for (const { name, result, reasons, warnings } of report.domains) {
    for (const warning of warnings) printNote(`warning: ${name}: ${warning}`);
    if (result === 'moved' || result === 'gone') continue;
    if (reasons.length === 0) printNote(`${name}: was not started`);
    for (const { destination, code: why, message, hint } of reasons) {
      printNote(`${name}, to ${destination}: ${why}: ${message}`);
      if (hint !== undefined) printNote(`  ${hint}`);
    }
  }
  const { left, unseen } = report;
  if (unseen !== undefined) printNote(`warning: the domains could not be listed again: ${unseen}`);
  if (left.length > 0) printLine(`still here: ${left.map(shownName).join(', ')}`);
  else if (unseen === undefined) printLine('all domains have been moved');
}

function resultText({ result }: Left): string {
  return {
    moved: 'moved',
    stays: 'stays',
    gone: 'had ended already',
    'in-doubt': 'in doubt',
    'not-running': 'does not run here',
  }[result];
}

/** The worst result: a domain that needs attention ranks above one that stayed. */
function exitCodeFor({ domains, left, unseen }: Evacuated, cancelled: boolean): number {
  const any = (result: Left['result']): boolean => domains.some((domain) => domain.result === result);
  if (any('in-doubt')) return EXIT.inDoubt;
  if (any('not-running')) return EXIT.notRunning;
  if (left.length === 0 && unseen === undefined) return EXIT.done;
  if (cancelled) return EXIT.cancelled;
  return any('moved') ? EXIT.partly : EXIT.failed;
}
