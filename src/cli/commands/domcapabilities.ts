import type { CommandModule } from 'yargs';
import { formatDomainCapabilities } from '../../api/internal/capabilities.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument } from '../output.js';

type DomcapabilitiesOptions = GlobalOptions & {
  virttype?: string | undefined;
  emulatorbin?: string | undefined;
  arch?: string | undefined;
  machine?: string | undefined;
};

export const domcapabilitiesCommand: CommandModule<GlobalOptions, DomcapabilitiesOptions> = {
  command: 'domcapabilities',
  describe: 'print what a guest can have on this host, as XML',
  builder: (yargs) =>
    yargs
      .option('virttype', { type: 'string', nargs: 1, describe: 'xen, which is the only one' })
      .option('emulatorbin', { type: 'string', nargs: 1, describe: 'path of the device model' })
      .option('arch', { type: 'string', nargs: 1, describe: "architecture of the guest; default: the host's" })
      .option('machine', { type: 'string', nargs: 1, describe: 'xenpv, which is the default, xenfv or xenpvh' })
      .example('$0 domcapabilities --machine xenfv', 'firmware, processors and devices of an HVM guest'),
  handler: async ({ virttype, emulatorbin, arch, machine, ...options }) => {
    await using host = await openHost(options);
    const request = { virttype, emulatorbin, arch, machine };
    printDocument(formatDomainCapabilities(await host.toolstack.host(), request));
  },
};
