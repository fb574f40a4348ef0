import type { CommandModule } from 'yargs';
import { managedSave, removeManagedSave } from '../../api/internal/managed-save.js';
import { UsageError } from '../../api/errors.js';
import { domainArgument, flag, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { Progress, PROGRESS_STYLES, progressStyle } from '../progress.js';
import { StopSignals } from '../stop-signals.js';

interface SaveOptions extends DomainOptions {
  running: boolean;
  paused: boolean;
  unpause: boolean;
  progress: (typeof PROGRESS_STYLES)[number];
}

export const managedsaveCommand: CommandModule<GlobalOptions, SaveOptions> = {
  command: 'managedsave <domain>',
  describe: 'save a domain for its next start, and end it',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('running', flag('the next start unpauses it'))
      .option('paused', flag('the next start leaves it paused'))
      .option('unpause', flag('let a paused domain run until it has suspended itself'))
      .option('progress', {
        choices: PROGRESS_STYLES,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .example('$0 managedsave web1', 'before the host reboots; `start web1` continues from there'),
  handler: async (options) => {
    if (options.running && options.paused) {
      throw new UsageError('E_USAGE_ARGUMENTS', '--running and --paused exclude each other', {
        hint: 'Use one of them.',
      });
    }
    await using host = await openHost(options);
    using stop = new StopSignals();
    using progress = new Progress(`saving ${options.domain}`, progressStyle(options));
    const { name } = await managedSave(host, options.domain, {
      then: options.running ? 'running' : options.paused ? 'paused' : undefined,
      unpause: options.unpause,
      signal: stop.cancel,
      onEvent: progress.take,
    });
    printLine(`Domain ${shownName(name)} state saved; its next start continues from there`);
  },
};

export const managedsaveRemoveCommand: CommandModule<GlobalOptions, DomainOptions> = {
  command: 'managedsave-remove <domain>',
  describe: 'remove the saved state of a domain',
  builder: (yargs) => domainArgument(yargs).example('$0 managedsave-remove web1', 'its next start boots'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name, removed } = await removeManagedSave(host, options.domain, stop.cancel);
    printLine(removed ? `Removed the saved state of domain ${shownName(name)}` : `Domain ${shownName(name)} has none`);
  },
};
