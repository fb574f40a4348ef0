import type { CommandModule } from 'yargs';
import { domainState } from '../../api/domains.js';
import { domainArgument, flag, jsonOption, type DomainOptions, type JsonOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';

export const domstateCommand: CommandModule<GlobalOptions, JsonOptions & DomainOptions & { reason: boolean }> = {
  command: 'domstate <domain>',
  describe: 'print the state of a domain',
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .option('reason', flag('with the reason'))
      .example('$0 domstate --reason web1', 'running (booted)'),
  handler: async (options) => {
    await using host = await openHost(options);
    const { state, reason } = await domainState(host, options.domain);
    if (options.json) printJson({ state, reason });
    else printLine(options.reason ? `${state} (${reason})` : state);
  },
};
