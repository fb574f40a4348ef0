import type { CommandModule } from 'yargs';
import { openDestination, type OpenDestination } from '../../migration/connect/open-destination.js';
import { RISK, type Keep } from '../../migration/recover/manual-resolution.js';
import { openMigrations } from '../../journal/open-migrations.js';
import { recover, recoverByHand } from '../../migration/recover/recover.js';
import { journalWord } from '../../journal/records.js';
import { parseDestinationUri } from '../../host/config/uri.js';
import { dialerOptions } from '../dialing.js';
import { dialingOptions, type DialingOptions } from '../dialing-options.js';
import { UsageError } from '../../errors/errors.js';
import { EXIT } from '../exit.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printTable } from '../output.js';
import { setExitCode } from '../result.js';
import { StopSignals } from '../stop-signals.js';

type RecoverOptions = GlobalOptions &
  DialingOptions & {
    list: boolean | undefined;
    json: boolean;
    'force-source': string | undefined;
    'force-dest': string | undefined;
    yes: boolean;
  };

export const recoverCommand: CommandModule<GlobalOptions, RecoverOptions> = {
  command: 'recover',
  describe: 'settle migrations that were interrupted',
  builder: (yargs) =>
    dialingOptions(yargs)
      // Without a default: yargs takes an option that has one for given, and `conflicts` would refuse every --force.
      .option('list', { type: 'boolean', describe: 'only show them' })
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' })
      .option('force-source', {
        type: 'string',
        describe: 'without asking the destination: the guest is kept here. DANGER: it may run twice then',
      })
      .option('force-dest', {
        type: 'string',
        describe: 'without asking the destination: the guest is there. DANGER: it may be lost then',
      })
      .option('yes', { type: 'boolean', default: false, describe: 'with a --force: you have looked at both hosts' })
      .conflicts({ 'force-source': ['force-dest', 'list'], 'force-dest': 'list' })
      .example('$0 recover --force-source web1 --yes', 'the destination is dead for good, and did not run web1')
      .example('$0 recover --tls-dir /etc/xenferry/tls', 'ask each destination what it decided, and do what follows'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals('the recovery');
    if (options.list === true) {
      const open = openMigrations(host.journal.list()).map(({ header, state }) => ({
        migration: header.migration,
        side: header.side,
        domain: header.name,
        peer: header.peer,
        state: state === undefined ? 'begun' : journalWord(state.state),
      }));
      if (options.json) printJson(open);
      else
        printTable(
          ['Domain', 'Side', 'Peer', 'State', 'Migration'],
          open.map((one) => [one.domain, one.side, one.peer, one.state, one.migration]),
        );
      return;
    }
    const destinations: OpenDestination[] = [];
    try {
      const forced = forcedOf(options);
      const results =
        forced !== undefined
          ? [await recoverByHand(host, ...forced, stop.cancel)]
          : await recover(host, {
              signal: stop.cancel,
              connectTo: async (destination) => {
                const opened = await openDestination(parseDestinationUri(destination), dialerOptions(options), () =>
                  host.hello(stop.cancel),
                );
                destinations.push(opened);
                return opened.connect;
              },
            });
      if (options.json) printJson(results);
      else if (results.length === 0) printLine('Nothing to settle.');
      else
        for (const one of results)
          printLine(
            `${one.domain} (${one.side}, ${one.peer}): ${one.settled ? 'settled' : 'still open'}: ${one.result}`,
          );
      if (results.some((one) => !one.settled)) setExitCode(EXIT.inDoubt);
    } finally {
      for (const destination of destinations) await destination[Symbol.asyncDispose]();
    }
  },
};

/** What a person decides about, and how. @throws UsageError `E_USAGE_FORCE` where he has not said that he knows the risk */
function forcedOf(options: RecoverOptions): [ref: string, keep: Keep] | undefined {
  const [ref, keep]: [string | undefined, Keep] =
    options['force-source'] === undefined ? [options['force-dest'], 'dest'] : [options['force-source'], 'source'];
  if (ref === undefined) return undefined;
  if (options.yes) return [ref, keep];
  throw new UsageError('E_USAGE_FORCE', `--force-${keep} ${ref}: ${RISK[keep]}`, {
    hint: 'Look at both hosts first, with `xenferry list` and `xl list`. If you are sure, add --yes.',
  });
}
