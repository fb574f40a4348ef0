import type { CommandModule } from 'yargs';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';
import { ownVersion } from '../version.js';

type VersionOptions = GlobalOptions & { json: boolean };

export const versionCommand: CommandModule<GlobalOptions, VersionOptions> = {
  command: 'version',
  describe: 'print the versions of xenferry and of the toolstack under it',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' })
      .example('$0 version --json', 'for scripts'),
  handler: async (options) => {
    await using host = await openHost(options);
    const { toolstack, version, hostname, streamVersions } = await host.toolstack.host();
    if (options.json)
      printJson({ xenferry: ownVersion(), toolstack, toolstackVersion: version, hostname, streamVersions });
    else {
      printLine(`xenferry ${ownVersion()}`);
      printLine(`${toolstack} ${version} on ${hostname}, save stream versions ${streamVersions.join(', ')}`);
    }
  },
};
