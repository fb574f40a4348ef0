import type { CommandModule } from 'yargs';
import { UsageError } from '../../api/errors.js';
import { recoverByHand, RISK, type Keep } from '../../api/internal/manual-resolution.js';
import type { Host } from '../../api/host.js';
import { recoverWith } from '../../api/process/recover-with.js';
import { openMigrations, type Recovered } from '../../api/recovery.js';
import { printNotice, settingsOf } from '../dialing.js';
import { dialingOptions, ownAsker, reachOptionsOf, type DialingOptions } from '../dialing-options.js';
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
        describe: 'without asking the destination: keep the guest here. DANGER: it may run twice then',
      })
      .option('force-dest', {
        type: 'string',
        describe: 'without asking the destination: the guest is there. DANGER: it may be lost',
      })
      .option('yes', { type: 'boolean', default: false, describe: 'with a --force: you have checked both hosts' })
      .conflicts({ 'force-source': ['force-dest', 'list'], 'force-dest': 'list' })
      .example('$0 recover --force-source web1 --yes', 'the destination is dead for good, and did not run web1')
      .example('$0 recover --tls-dir /etc/xenferry/tls', 'ask each destination for the outcome, and act on it'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals('the recovery');
    if (options.list === true) {
      const open = openMigrations(host);
      if (options.json) printJson(open);
      else
        printTable(
          ['Domain', 'Side', 'Peer', 'State', 'Migration'],
          open.map((one) => [one.domain, one.side, one.peer, one.state, one.migration]),
        );
      return;
    }
    const forced = forcedOf(options);
    const results =
      forced === undefined
        ? await recoverByAsking(host, options, stop.cancel)
        : [await recoverByHand(host, ...forced, stop.cancel)];
    if (options.json) printJson(results);
    else if (results.length === 0) printLine('Nothing to settle.');
    else
      for (const one of results)
        printLine(`${one.domain} (${one.side}, ${one.peer}): ${one.settled ? 'settled' : 'still open'}: ${one.result}`);
    if (results.some((one) => !one.settled)) setExitCode(EXIT.inDoubt);
  },
};

async function recoverByAsking(host: Host, options: RecoverOptions, signal: AbortSignal): Promise<Recovered[]> {
  const asker = ownAsker();
  const how = { ...reachOptionsOf(options), askPassphrase: asker.askPassphrase, onNotice: printNotice, signal };
  return await recoverWith(host, settingsOf(options, asker), how);
}

/** The operator's decision. @throws UsageError `E_USAGE_FORCE` without --yes */
function forcedOf(options: RecoverOptions): [ref: string, keep: Keep] | undefined {
  const [ref, keep]: [string | undefined, Keep] =
    options['force-source'] === undefined ? [options['force-dest'], 'dest'] : [options['force-source'], 'source'];
  if (ref === undefined) return undefined;
  if (options.yes) return [ref, keep];
  throw new UsageError('E_USAGE_FORCE', `--force-${keep} ${ref}: ${RISK[keep]}`, {
    hint: 'Check both hosts first, with `xenferry list` and `xl list`. If you are sure, add --yes.',
  });
}
