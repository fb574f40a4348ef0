import type { CommandModule } from 'yargs';
import { renameDomain } from '../../api/internal/naming.js';
import type { KnownDomain } from '../../api/internal/host.js';
import { domainArgument, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

/** A verb that prints one identifier of a domain for another. */
function wordVerb(
  verb: string,
  describe: string,
  example: string,
  word: (domain: KnownDomain) => string,
): CommandModule<GlobalOptions, DomainOptions> {
  return {
    command: `${verb} <domain>`,
    describe,
    builder: (yargs) => domainArgument(yargs).example(`$0 ${verb} ${example}`, ''),
    handler: async (options) => {
      await using host = await openHost(options);
      printLine(word(await host.findKnown(options.domain)));
    },
  };
}

export const domidCommand = wordVerb('domid', 'print the id of a domain, - if it does not run', 'web1', ({ info }) =>
  info === undefined ? '-' : String(info.domid),
);
export const domnameCommand = wordVerb('domname', 'print the name of a domain', '7', ({ name }) => shownName(name));
export const domuuidCommand = wordVerb('domuuid', 'print the UUID of a domain', 'web1', ({ uuid }) => uuid);

type RenameOptions = DomainOptions & { name: string };

export const domrenameCommand: CommandModule<GlobalOptions, RenameOptions> = {
  command: 'domrename <domain> <name>',
  describe: 'rename a domain that does not run',
  builder: (yargs) =>
    domainArgument(yargs)
      .positional('name', { type: 'string', demandOption: true, describe: 'its new name' })
      .example('$0 domrename web1 web1-old', 'its UUID stays'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { before, name } = await renameDomain(host, options.domain, options.name, stop.cancel);
    printLine(`Domain ${shownName(before)} renamed to ${name}`);
  },
};
