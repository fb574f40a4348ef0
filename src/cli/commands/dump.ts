import type { CommandModule } from 'yargs';
import { dumpDomain } from '../../api/internal/core-dump.js';
import { domainArgument, flag, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type DumpOptions = DomainOptions & { file: string; live: boolean; crash: boolean; reset: boolean };

export const dumpCommand: CommandModule<GlobalOptions, DumpOptions> = {
  command: 'dump <domain> <file>',
  describe: 'write the memory of a domain to a file, for a debugger',
  builder: (yargs) =>
    domainArgument(yargs)
      .positional('file', { type: 'string', demandOption: true, describe: 'a new file; complete, or absent' })
      .option('live', flag('do not pause the guest meanwhile'))
      .option('crash', flag('destroy the domain afterwards'))
      .option('reset', flag('press the reset button of an HVM guest afterwards'))
      .example('$0 dump web1 /var/tmp/web1.core', 'the guest continues as it was'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await dumpDomain(host, options.domain, { ...options, signal: stop.cancel });
    printLine(`Domain ${shownName(name)} dumped to ${options.file}`);
  },
};
