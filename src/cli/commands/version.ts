import type { CommandModule } from 'yargs';
import type { Hello } from '../../api/internal/peers.js';
import { dialingOptions, ownAsker, reachOptionsOf, type DialingOptions } from '../dialing-options.js';
import { jsonOption, type JsonOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';
import { ownVersion } from '../../api/process/version.js';

type VersionOptions = JsonOptions & DialingOptions & { peer?: string | undefined };

export const versionCommand: CommandModule<GlobalOptions, VersionOptions> = {
  command: 'version',
  describe: 'print the versions of xenferry and of the toolstack under it',
  builder: (yargs) =>
    dialingOptions(jsonOption(yargs))
      .option('peer', { type: 'string', nargs: 1, describe: 'versions and features of another host: URI or alias' })
      .example('$0 version --json', 'for scripts')
      .example('$0 version --peer xen+tls://hv2/system', 'whether a migration to it can work, before it is started'),
  handler: async (options) => {
    await using host = await openHost(options);
    if (options.peer !== undefined) {
      // The dialling code is large, and only this option needs it.
      const { helloOf } = await import('../../api/process/peer-hello.js');
      const { settingsOf, printNotice } = await import('../dialing.js');
      using stop = new StopSignals();
      const asker = ownAsker();
      const how = { ...reachOptionsOf(options), askPassphrase: asker.askPassphrase, onNotice: printNotice };
      printPeer(await helloOf(host, settingsOf(options, asker), options.peer, how, stop.cancel), options.json);
      return;
    }
    const { toolstack, version, hostname, streamVersions } = await host.toolstack.host();
    if (options.json)
      printJson({ xenferry: ownVersion(), toolstack, toolstackVersion: version, hostname, streamVersions });
    else {
      printLine(`xenferry ${ownVersion()}`);
      printLine(`${toolstack} ${version} on ${hostname}, save stream versions ${streamVersions.join(', ')}`);
    }
  },
};

function printPeer({ software, hostname, protocol, features, streamVersions, xen }: Hello, json: boolean): void {
  if (json) {
    printJson({ software, hostname, protocol, features, streamVersions, ...(xen === undefined ? {} : { xen }) });
    return;
  }
  printLine(`${software} on ${hostname}, protocol ${protocol.min} to ${protocol.max}`);
  printLine(`save stream versions ${streamVersions.join(', ')}`);
  if (xen !== undefined) printLine(`Xen ${xen}`);
  printLine(`features ${features.join(', ')}`);
}
