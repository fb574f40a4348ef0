import type { CommandModule } from 'yargs';
import { UsageError } from '../../api/errors.js';
import { PM_TARGETS, pmSuspendDomain, pmWakeUpDomain, type PmTarget } from '../../api/internal/power.js';
import { domainArgument, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type SuspendOptions = DomainOptions & { 'pm-target': string; target?: string | undefined; duration: number };

function targetOf(word: string): PmTarget {
  const target = PM_TARGETS.find((one) => one === word);
  if (target !== undefined) return target;
  throw new UsageError('E_USAGE_PM_SUSPEND', `${JSON.stringify(word)} is not where to a guest can be suspended`, {
    hint: `Targets: ${PM_TARGETS.join(', ')}.`,
  });
}

function durationOf(seconds: number): number {
  if (Number.isSafeInteger(seconds) && seconds >= 0) return seconds;
  throw new UsageError('E_USAGE_PM_SUSPEND', `--duration ${seconds}: a whole number of seconds is needed`, {
    hint: 'Leave it out: the guest stays suspended until it is woken up.',
  });
}

export const dompmsuspendCommand: CommandModule<GlobalOptions, SuspendOptions> = {
  command: 'dompmsuspend <domain> [pm-target]',
  describe: 'let a guest suspend itself to memory',
  builder: (yargs) =>
    domainArgument(yargs)
      .positional('pm-target', {
        type: 'string',
        default: 'mem',
        describe: `where to: ${PM_TARGETS.join(', ')}; Xen has mem`,
      })
      .option('target', { type: 'string', describe: 'the same, as an option' })
      .option('duration', {
        type: 'number',
        default: 0,
        describe: 'seconds until it wakes by itself; Xen has 0: never',
      })
      .example('$0 dompmsuspend web1 mem', 'it keeps its memory, and uses no processor'),
  handler: async (options) => {
    const target = targetOf(options.target ?? options['pm-target']);
    const duration = durationOf(options.duration);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await pmSuspendDomain(host, options.domain, { target, duration }, stop.cancel);
    printLine(`Domain ${shownName(name)} successfully suspended`);
  },
};

export const dompmwakeupCommand: CommandModule<GlobalOptions, DomainOptions> = {
  command: 'dompmwakeup <domain>',
  describe: 'let a guest run on that was suspended to memory',
  builder: (yargs) => domainArgument(yargs).example('$0 dompmwakeup web1', 'it goes on where it was'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name, how } = await pmWakeUpDomain(host, options.domain, stop.cancel);
    printLine(
      how === 'woken'
        ? `Domain ${shownName(name)} successfully woken up`
        : `Domain ${shownName(name)} was not suspended from here; it was sent the end of an ACPI S3 sleep`,
    );
  },
};
