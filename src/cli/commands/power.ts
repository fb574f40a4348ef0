import type { Argv, CommandModule } from 'yargs';
import {
  destroyDomain,
  rebootDomain,
  resetDomain,
  resumeDomain,
  shutdownDomain,
  suspendDomain,
  type PowerMode,
} from '../../api/domains.js';
import { POWER_MODES } from '../../api/internal/power.js';
import { UsageError } from '../../api/errors.js';
import { domainArgument, flag, shownName, simpleVerb, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type ModeOptions = DomainOptions & { mode?: string | undefined };

const modeOption = <T>(yargs: Argv<T>): Argv<T & { mode: string | undefined }> =>
  yargs.option('mode', {
    type: 'string',
    describe: `how the guest is asked: ${POWER_MODES.join(', ')}, or both with a comma`,
  });

function modesOf(text: string | undefined): PowerMode[] {
  if (text === undefined) return [];
  return text.split(',').map((word) => {
    const mode = POWER_MODES.find((one) => one === word.trim());
    if (mode !== undefined) return mode;
    throw new UsageError('E_USAGE_MODE', `--mode ${text}: ${JSON.stringify(word)} is not a way to ask a guest`, {
      hint: `Ways: ${POWER_MODES.join(', ')}.`,
    });
  });
}

export const shutdownCommand: CommandModule<GlobalOptions, ModeOptions> = {
  command: 'shutdown <domain>',
  describe: 'ask a guest to shut down',
  builder: (yargs) =>
    modeOption(domainArgument(yargs)).example('$0 shutdown web1', 'its Xen drivers, else its power button'),
  handler: async (options) => {
    const modes = modesOf(options.mode);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name, by } = await shutdownDomain(host, options.domain, { modes, signal: stop.cancel });
    printLine(`Domain ${shownName(name)} is being shut down (asked by ${by})`);
  },
};

export const rebootCommand: CommandModule<GlobalOptions, ModeOptions> = {
  command: 'reboot <domain>',
  describe: 'ask a guest to reboot',
  builder: (yargs) => modeOption(domainArgument(yargs)).example('$0 reboot web1', 'its Xen drivers are asked'),
  handler: async (options) => {
    const modes = modesOf(options.mode);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await rebootDomain(host, options.domain, { modes, signal: stop.cancel });
    printLine(`Domain ${shownName(name)} is being rebooted`);
  },
};

export const resetCommand = simpleVerb({
  verb: 'reset',
  describe: 'press the reset button of an HVM guest',
  example: 'in any state',
  done: 'was reset',
  work: (host, domain, signal) => resetDomain(host, domain, { signal }),
});

type DestroyOptions = DomainOptions & { graceful: boolean };

export const destroyCommand: CommandModule<GlobalOptions, DestroyOptions> = {
  command: 'destroy <domain>',
  describe: 'end a domain at once',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('graceful', flag('ask its guest to shut down, and wait for that; see --deadline call'))
      .example('$0 destroy web1', 'like pulling its plug'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await destroyDomain(host, options.domain, { graceful: options.graceful, signal: stop.cancel });
    printLine(`Domain ${shownName(name)} destroyed`);
  },
};

export const suspendCommand = simpleVerb({
  verb: 'suspend',
  describe: 'pause a domain',
  example: 'its processors stop',
  done: 'suspended',
  work: (host, domain, signal) => suspendDomain(host, domain, { signal }),
});

export const resumeCommand = simpleVerb({
  verb: 'resume',
  describe: 'unpause a domain',
  example: 'its processors continue',
  done: 'resumed',
  work: (host, domain, signal) => resumeDomain(host, domain, { signal }),
});
