import type { CommandModule } from 'yargs';
import { formatCapabilities } from '../../api/internal/capabilities.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument } from '../output.js';

export const capabilitiesCommand: CommandModule<GlobalOptions, GlobalOptions> = {
  command: 'capabilities',
  describe: 'print the capabilities of this host, as XML',
  builder: (yargs) => yargs.example('$0 capabilities', 'its processors, guests and migration features'),
  handler: async (options) => {
    await using host = await openHost(options);
    printDocument(formatCapabilities(await host.toolstack.host(), await host.hello()));
  },
};
