import type { CommandModule } from 'yargs';
import { setAutostart, startDomain } from '../../api/domains.js';
import { domainArgument, flag, forceLeaseFlag, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { Progress, progressStyle } from '../progress.js';
import { StopSignals } from '../stop-signals.js';

type StartOptions = DomainOptions & { paused: boolean; 'force-boot': boolean; 'force-lease': boolean };

export const startCommand: CommandModule<GlobalOptions, StartOptions> = {
  command: 'start <domain>',
  describe: 'start a defined domain, from its saved state if it has one',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('paused', flag('leave it paused'))
      .option('force-boot', flag('discard its saved state and boot'))
      .option('force-lease', forceLeaseFlag)
      .example('$0 start web1', 'after `define` or `managedsave`'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    using progress = new Progress(`starting ${options.domain}`, progressStyle({ progress: 'auto' }));
    const started = await startDomain(host, options.domain, {
      paused: options.paused,
      forceBoot: options['force-boot'],
      forceLease: options['force-lease'],
      signal: stop.cancel,
      onEvent: progress.take,
    });
    const how = started.from === 'managed-save' ? 'started from its saved state' : 'started';
    printLine(`Domain ${shownName(started.name)} ${how}, id ${started.id}, ${started.state}`);
  },
};

export const autostartCommand: CommandModule<GlobalOptions, DomainOptions & { disable: boolean }> = {
  command: 'autostart <domain>',
  describe: 'let a domain start with its host',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('disable', flag('do not'))
      .example('$0 autostart web1', '`serve` starts it when it starts'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await setAutostart(host, options.domain, !options.disable, { signal: stop.cancel });
    printLine(`Domain ${shownName(name)} ${options.disable ? 'unmarked' : 'marked'} as autostarted`);
  },
};
