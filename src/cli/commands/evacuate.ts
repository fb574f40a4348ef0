import { resolve } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import type { Hello } from '../../control/messages.js';
import { arriving, closeForEvacuation, waitForArrivals } from '../../host/evacuation-lock.js';
import type { Host } from '../../host/host.js';
import { Deadline } from '../../errors/deadline.js';
import { RefusedError, UsageError, XenferryError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { evacuate, type EvacuationReport, type Left } from '../../fleet/evacuate.js';
import { planEvacuation, type Leaver, type Route } from '../../fleet/plan.js';
import { connectToDaemon } from '../daemon/daemon-client.js';
import { dialingOptions, ownAsker, type DialingOptions } from '../dialing-options.js';
import { bytesText } from '../bytes-text.js';
import { shownName, type JsonOptions } from '../domain-options.js';
import { EXIT } from '../exit.js';
import { EvacuationNews } from '../migrate/evacuation-news.js';
import { checkOptions, migrateOnHost } from '../migrate/on-host.js';
import { DEFAULT_LANES, type MigrateOptions, type MigrateSession } from '../migrate/options.js';
import { moveOf } from '../migrate/move-of.js';
import { failureOf } from '../migrate/format-result.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printNote, printTable } from '../output.js';
import { helloOf } from '../peer-hello.js';
import { setExitCode } from '../result.js';
import { sharedAsker } from '../shared-asker.js';
import { StopSignals } from '../stop-signals.js';
import { flag, jsonResultFlag } from '../verb-options.js';

/** Two at a time: more share the same network, and make each guest's pause longer. */
const DEFAULT_PARALLEL = 2;
const MAX_PARALLEL = 64;

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

/** A destination, and what it says of itself or why it cannot be asked. */
interface Seen {
  readonly destination: string;
  readonly hostname: string | undefined;
  readonly error: string | undefined;
  readonly hint: string | undefined;
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
        describe: 'where they go: URIs or aliases, between commas; may be repeated',
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
        describe: `domains that leave at a time, 1 to ${MAX_PARALLEL}`,
      })
      .option('dry-run', flag('only say who would go where, and which destinations answer'))
      .option('live', {
        type: 'boolean',
        default: true,
        describe: 'copy memory while the guests run; --no-live: not so',
      })
      .option('persistent', flag('let the destinations keep definitions of the domains'))
      .option('undefinesource', flag('forget the definitions here, each once its domain has arrived'))
      .option('unsafe', flag("override the destinations' checks that the disks are there"))
      .option('bandwidth', { type: 'number', describe: 'most MiB of guest memory a second, for each domain' })
      .option('compress', { type: 'string', default: 'auto', describe: 'as for migrate' })
      .option('progress', {
        choices: ['auto', 'lines', 'none'] as const,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .option('json', jsonResultFlag)
      .example('$0 evacuate --to xen+ssh://hv2/system,xen+ssh://hv3/system --dry-run', 'who would go where')
      .example('$0 evacuate --to hv2 --to hv3 --exclude build1', 'empty this host, all but build1'),
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
  const destinations = destinationsOf(options);
  const { parallel } = options;
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL) {
    throw new UsageError(
      'E_USAGE_PARALLEL',
      `--parallel ${parallel}: a whole number from 1 to ${MAX_PARALLEL} is needed`,
    );
  }
  for (const destination of destinations) checkOptions(migrationOf(options, '', destination));
  const news = new EvacuationNews(options.json ? 'json' : options.progress === 'none' ? 'none' : 'lines');
  using stop = new StopSignals('the evacuation');
  await using host = await openHost(options);
  const stays = await excluded(host, options.exclude, stop.cancel);
  const asker = sharedAsker(ownAsker());
  const look = (destination: string): Promise<Hello> => helloOf(host, options, destination, stop.cancel, asker());
  const seen = await Promise.all(destinations.map((destination) => seenBy(look, destination, stop.cancel)));
  const answering = seen.flatMap(({ destination, error }) => (error === undefined ? [destination] : []));
  if (options['dry-run']) {
    const leavers = await leaversOf(host, stays, stop.cancel);
    tellPlan(seen, planEvacuation(leavers, answering.length === 0 ? destinations : answering), options.json);
    if (answering.length === 0) setExitCode(EXIT.refused);
    return;
  }
  for (const { destination, error, hint } of seen) {
    if (error !== undefined) {
      news.warning(`${destination} is left out: ${error}${hint === undefined ? '' : ` (${hint})`}`);
    }
  }
  if (answering.length === 0) {
    throw new RefusedError('E_REFUSED_NO_DESTINATION', 'none of the destinations can be reached; nothing was moved', {
      hint: 'The warnings say of each why.',
    });
  }
  // Two hosts that empty themselves into each other would never be empty.
  using _closed = await closeForEvacuation(host, `xenferry evacuate (process ${process.pid})`, stop.cancel);
  const report = await evacuate({
    destinations: answering,
    parallel,
    // Also behind Ctrl-C: what is here in the end is what counts.
    list: () => leaversOf(host, stays, stop.abandon),
    arrivals: async () => {
      for (const { name, what } of arriving(host)) news.notice(`waits for ${name}, which is ${what}`);
      return (await waitForArrivals(host, stop.cancel)).map(({ name }) => name);
    },
    cancel: stop.cancel,
    onNews: news.attempt,
    move: (leaver, destination) => {
      const session: MigrateSession = {
        ...asker(),
        cancel: stop.cancel,
        abandon: stop.abandon,
        onProgress: (event) => news.progress(leaver, event),
        onNotice: news.notice,
      };
      return moveOf(() => moveOne(host, migrationOf(options, leaver.uuid, destination), session));
    },
  });
  tellReport(report, seen, stop.cancel.aborted, options.json);
}

/** The domains that are here and are to leave. Who is still on the way here is not. */
async function leaversOf(host: Host, stays: ReadonlySet<string>, signal: AbortSignal): Promise<Leaver[]> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'a look at the domains here');
  const coming = new Set(arriving(host).map(({ uuid }) => uuid));
  const infos = await host.toolstack.list(looking.signal);
  return infos.filter(({ uuid, state }) => state !== 'dying' && !stays.has(uuid) && !coming.has(uuid));
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

/** UUIDs of the domains that are to stay. @throws RefusedError for one that is not there: a slip of the pen would move it */
async function excluded(host: Host, refs: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'a look at who is to stay');
  const uuids = new Set<string>();
  for (const ref of refs) uuids.add((await host.findKnown(ref, looking.signal)).uuid);
  return uuids;
}

/** @throws UsageError; the signal's reason */
async function seenBy(
  look: (destination: string) => Promise<Hello>,
  destination: string,
  signal: AbortSignal,
): Promise<Seen> {
  try {
    const { hostname } = await look(destination);
    return { destination, hostname, error: undefined, hint: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UsageError) throw error; // the words are wrong, not the host
    const hint = error instanceof XenferryError ? error.hint : undefined;
    return { destination, hostname: undefined, error: messageOf(error), hint };
  }
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

/** By this host's daemon where one runs: what was begun goes on without us then. */
async function moveOne(host: Host, options: MigrateOptions, session: MigrateSession): ReturnType<typeof migrateOnHost> {
  using daemon = await connectToDaemon(options, session);
  if (daemon !== undefined) return await daemon.migrate(options, session, true);
  return await migrateOnHost(host, options, session);
}

function tellPlan(seen: readonly Seen[], routes: readonly Route[], json: boolean): void {
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
  printNote('Whether there is room for each, and its disks, a destination says only when it is asked to take it in.');
}

function tellReport(report: EvacuationReport, seen: readonly Seen[], cancelled: boolean, json: boolean): void {
  const code = exitCodeFor(report, cancelled);
  setExitCode(code);
  if (json) {
    const result = { [EXIT.done]: 'done', [EXIT.partly]: 'partly', [EXIT.cancelled]: 'cancelled' }[code] ?? 'failed';
    printJson({ result, destinations: seen, ...report });
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
    if (reasons.length === 0) printNote(`${name}: was not begun`);
    for (const { destination, code: why, message, hint } of reasons) {
      printNote(`${name}, to ${destination}: ${why}: ${message}`);
      if (hint !== undefined) printNote(`  ${hint}`);
    }
  }
  const { left, unseen } = report;
  if (unseen !== undefined) printNote(`warning: this host could not be looked at again: ${unseen}`);
  if (left.length > 0) printLine(`still here: ${left.map(shownName).join(', ')}`);
  else if (unseen === undefined) printLine('no domain is left here that was to leave');
}

function resultText({ result }: Left): string {
  return {
    moved: 'moved',
    stays: 'stays',
    gone: 'was gone already',
    'in-doubt': 'in doubt',
    'not-running': 'stands still here',
  }[result];
}

/** The worst of what has become of them: a domain that needs a person is more than one that stayed. */
function exitCodeFor({ domains, left, unseen }: EvacuationReport, cancelled: boolean): number {
  const any = (result: Left['result']): boolean => domains.some((domain) => domain.result === result);
  if (any('in-doubt')) return EXIT.inDoubt;
  if (any('not-running')) return EXIT.notRunning;
  if (left.length === 0 && unseen === undefined) return EXIT.done;
  if (cancelled) return EXIT.cancelled;
  return any('moved') ? EXIT.partly : EXIT.failed;
}
