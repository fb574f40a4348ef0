import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { FEATURES, PROTOCOL } from '../../api/internal/peers.js';
import { openDestination } from '../../api/internal/connect.js';
import { locationOptionsOf } from '../global-options.js';
import { destinationOf } from '../../api/process/dialing.js';
import { locationOf } from '../../api/process/local-host.js';
import { resolveAlias } from '../../api/internal/uris.js';
import { receiveFromXl, type FromXlOptions, connectToSelf, Journal } from '../../api/internal/from-xl.js';
import { UsageError } from '../../api/errors.js';
import { configOf } from '../../api/process/config.js';
import { ownDialerOptions } from '../dialing.js';
import { dialingOptions, type DialingOptions } from '../dialing-options.js';
import { deadlinesOf, openHost, type GlobalOptions } from '../open.js';
import { printNote } from '../output.js';
import { checkSshLogin } from '../ssh-login.js';
import { StopSignals } from '../stop-signals.js';
import { ownVersion } from '../../api/process/version.js';

const DEFAULT_LANES = 2;

/** Options that xl may add to `migrate-receive`. */
interface XlFlags {
  readonly paused: boolean;
}

type MigrateReceiveOptions = GlobalOptions & { p: boolean; r: boolean; colo: boolean };

export const migrateReceiveCommand: CommandModule<GlobalOptions, MigrateReceiveOptions> = {
  command: 'migrate-receive',
  describe: 'receive one guest from a stock `xl migrate`',
  builder: (yargs) =>
    yargs
      .option('p', { type: 'boolean', default: false, describe: 'leave the guest paused' })
      .option('F', { type: 'boolean', describe: 'accepted for xl: no process stays in the background' })
      .option('e', { type: 'boolean', describe: 'accepted for xl' })
      .option('d', { type: 'boolean', describe: 'accepted for xl' })
      .option('r', { type: 'boolean', default: false, describe: 'Remus: refused' })
      .option('colo', { type: 'boolean', default: false, describe: 'COLO: refused' })
      .example("xl migrate -s '' web1 'ssh root@host2 xenferry migrate-receive'", 'from a host that has only xl'),
  handler: async (options) => {
    if (options.r || options.colo) refuseReplication();
    checkSshLogin(options);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const address = process.env.SSH_CONNECTION?.split(' ')[0] ?? 'standard input';
    await receive(options, stop, { paused: options.p }, 1, {
      connect: connectToSelf(host, { transport: 'ssh', name: 'xl', address }, printNote),
      journal: host.journal,
    });
  },
};

type RelayOptions = GlobalOptions & DialingOptions & { host: string; 'xl-command': string; lanes: number };

export const xlRelayCommand: CommandModule<GlobalOptions, RelayOptions> = {
  command: 'xl-relay <host> <xl-command>',
  describe: "replace ssh for `xl migrate -s xenferry-ssh`: send xl's guest through xenferry's tunnel",
  builder: (yargs) =>
    dialingOptions(yargs)
      .positional('host', { type: 'string', demandOption: true, describe: '[USER@]HOST or a destination URI' })
      .positional('xl-command', { type: 'string', demandOption: true, describe: 'the command that xl runs there' })
      .option('lanes', { type: 'number', default: DEFAULT_LANES, describe: 'connections for the data' })
      .example('xl migrate -s xenferry-ssh web1 host2', 'move a guest of xl to a host that has xenferry'),
  handler: async (options) => {
    const flags = flagsOf(options['xl-command']);
    using stop = new StopSignals();
    const config = configOf(options);
    const host = resolveAlias(config, options.host);
    const uri = destinationOf({ config }, host.includes('://') ? host : `xen+ssh://${host}/system`);
    await using destination = await openDestination(uri, ownDialerOptions(options), () =>
      Promise.resolve({
        protocol: PROTOCOL,
        software: `xenferry/${ownVersion()}`,
        hostname: hostname(),
        features: [...FEATURES],
        streamVersions: [2],
      }),
    );
    await receive(options, stop, flags, options.lanes, {
      connect: destination.connect,
      journal: new Journal(join(locationOf(locationOptionsOf(options)).stateDir, 'journal')),
    });
  },
};

async function receive(
  options: GlobalOptions,
  stop: StopSignals,
  flags: XlFlags,
  lanes: number,
  where: Pick<FromXlOptions, 'connect' | 'journal'>,
): Promise<void> {
  try {
    const { name, running } = await receiveFromXl({
      input: process.stdin,
      output: process.stdout,
      ...where,
      deadlines: deadlinesOf(options),
      lanes,
      paused: flags.paused,
      signal: stop.cancel,
      abandon: stop.abandon,
      log: (line) => printNote(line),
    });
    printNote(`${name} has arrived and ${running ? 'runs' : 'is paused'}`);
  } finally {
    // An xl that still writes must see that its reader has ended.
    process.stdin.destroy();
  }
}

/** The command that xl gives to ssh: `xl [-t] [-T] [-v...] migrate-receive [-e] [-d] [-p]` (xl_migrate.c). */
function flagsOf(command: string): XlFlags {
  const [program, ...rest] = command.split(/\s+/).filter((word) => word !== '');
  const verb = rest.indexOf('migrate-receive');
  if (program !== 'xl' || verb < 0 || rest.slice(0, verb).some((word) => !/^-(t|T|v+)$/.test(word))) {
    throw new UsageError('E_USAGE_XL_RELAY', `xl wanted to run \`${command}\`, not \`xl migrate-receive\``, {
      hint: 'Use it as a replacement of ssh only: xl migrate -s xenferry-ssh DOMAIN HOST.',
    });
  }
  const flags = rest.slice(verb + 1);
  if (flags.includes('-r') || flags.includes('--colo')) refuseReplication();
  const unknown = flags.find((flag) => !['-F', '-e', '-d', '-p'].includes(flag));
  if (unknown !== undefined) {
    throw new UsageError('E_USAGE_XL_RELAY', `xl's migrate-receive has an option ${unknown} that is not supported`);
  }
  return { paused: flags.includes('-p') };
}

function refuseReplication(): never {
  throw new UsageError('E_USAGE_REPLICATION', 'Remus and COLO keep a second copy of a guest, which is not supported', {
    hint: 'Use `xl migrate-receive` itself for these.',
  });
}
