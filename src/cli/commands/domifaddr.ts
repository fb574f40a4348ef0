import type { CommandModule } from 'yargs';
import { interfaceAddresses, type LentAddress } from '../../api/internal/statistics.js';
import { RefusedError } from '../../api/errors.js';
import {
  domainArgument,
  flag,
  jsonOption,
  shownName,
  type DomainOptions,
  type JsonOptions,
} from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printNote, printTable } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type AddressOptions = JsonOptions & DomainOptions & { interface?: string | undefined; full: boolean; source: string };

export const domifaddrCommand: CommandModule<GlobalOptions, AddressOptions> = {
  command: 'domifaddr <domain>',
  describe: "show the addresses that this host's DHCP server has lent to a running domain",
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .option('interface', { type: 'string', describe: "only this one: the host's end, vif3.0, or the card's address" })
      .option('full', flag('name and card in each line, even if an interface has several addresses'))
      .option('source', {
        type: 'string',
        default: 'lease',
        describe:
          "lease is the only one: leases of dnsmasq, libvirt's or the host's own, for virtual networks and bridges",
      })
      .example('$0 domifaddr web1', 'a line for each address')
      .example('$0 domifaddr web1 --interface 00:16:3e:12:34:56 --json', 'of one card, for scripts'),
  handler: async ({ interface: wanted, full, source, json, ...options }) => {
    if (source !== 'lease') {
      throw new RefusedError('E_REFUSED_UNSUPPORTED', `unsupported IP address data source ${JSON.stringify(source)}`, {
        hint: 'Use --source lease: Xen has no agent in its guests, and the network traffic of guests is not inspected.',
        data: { source },
      });
    }
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { interfaces, notes } = await interfaceAddresses(host, options.domain, {
      interface: wanted,
      now: Date.now() / 1000,
      signal: stop.cancel,
    });
    for (const note of notes) printNote(shownName(note));
    if (json) {
      printJson(
        interfaces.map(({ ifname, mac, addresses }) => ({
          interface: ifname,
          mac,
          addresses: addresses.map(({ family, address, prefix }) => ({
            type: family,
            address,
            prefix: prefix ?? null,
          })),
        })),
      );
      return;
    }
    printTable(
      ['Name', 'MAC address', 'Protocol', 'Address'],
      interfaces.flatMap(({ ifname, mac, addresses }) =>
        addresses.map((one, index) => [
          ...(full || index === 0 ? [shownName(ifname), mac] : ['-', '-']),
          one.family,
          addressText(one),
        ]),
      ),
    );
  },
};

function addressText({ address, prefix }: LentAddress): string {
  return prefix === undefined ? address : `${address}/${prefix}`;
}
