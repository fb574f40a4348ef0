import type { CommandModule } from 'yargs';
import {
  plainDevice,
  type Device,
  type Interface,
  type InterfaceSource,
  type Rate,
  attachDevice,
  detachDevice,
  listCards,
} from '../../api/internal/devices.js';
import { UsageError } from '../../api/errors.js';
import { domainArgument, flag, jsonOption, type DomainOptions, type JsonOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printTable } from '../output.js';
import { StopSignals } from '../stop-signals.js';
import { deviceImpactOptions, impactOfOptions, tellChange, type DeviceImpact } from './devices.js';

const TYPES = ['bridge', 'network', 'ethernet'] as const;
type CardType = (typeof TYPES)[number];

function sourceOf(type: CardType, source: string | undefined): InterfaceSource {
  if (type === 'ethernet') return { type };
  if (source === undefined || source === '') {
    throw new UsageError('E_USAGE_ARGUMENTS', `a card of type ${type} needs a source`, {
      hint: type === 'bridge' ? 'Name the bridge, such as xenbr0.' : 'Name the network.',
    });
  }
  return type === 'bridge' ? { type, bridge: source } : { type, network: source, portgroup: undefined };
}

/** A MAC address as definitions have it. @throws UsageError `E_USAGE_ARGUMENTS` */
function macOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) return mac;
  throw new UsageError('E_USAGE_ARGUMENTS', `--mac ${text} is not an address`, {
    hint: 'For example 00:16:3e:12:34:56.',
  });
}

function rateOf(name: string, averageKiB: number | undefined): Rate | undefined {
  if (averageKiB === undefined) return undefined;
  if (Number.isSafeInteger(averageKiB) && averageKiB > 0) {
    return { average: averageKiB, peak: undefined, burst: undefined };
  }
  throw new UsageError('E_USAGE_ARGUMENTS', `--${name} is not a number of KiB a second`, { hint: 'For example 1024.' });
}

function cardOf(source: InterfaceSource, about: Partial<Interface>): Device & Interface {
  return plainDevice({
    kind: 'interface',
    source,
    mac: undefined,
    model: undefined,
    script: undefined,
    ifname: undefined,
    addresses: [],
    inbound: undefined,
    outbound: undefined,
    openvswitch: false,
    vlan: undefined,
    linkUp: undefined,
    mtu: undefined,
    backendDomain: undefined,
    ...about,
  });
}

type AttachOptions = DomainOptions &
  DeviceImpact & {
    type: CardType;
    source?: string | undefined;
    mac?: string | undefined;
    model?: string | undefined;
    script?: string | undefined;
    target?: string | undefined;
    outbound?: number | undefined;
  };

export const attachInterfaceCommand: CommandModule<GlobalOptions, AttachOptions> = {
  command: 'attach-interface <domain> <type> [source]',
  describe: 'attach a network card to a domain, running or not',
  builder: (yargs) =>
    deviceImpactOptions(domainArgument(yargs))
      .positional('type', { choices: TYPES, demandOption: true, describe: 'its type of connection' })
      .positional('source', { type: 'string', describe: 'name of the bridge or network' })
      .option('mac', { type: 'string', describe: "default: a new one of Xen's" })
      .option('model', { type: 'string', describe: 'netfront, or a card that the device model shows to an HVM guest' })
      .option('script', { type: 'string', describe: 'the script that connects it; default: that of the toolstack' })
      .option('target', { type: 'string', describe: "name of the host's end; default: vifID.N" })
      .option('outbound', { type: 'number', describe: 'limit of outgoing traffic, in KiB per second' })
      .example('$0 attach-interface web1 bridge xenbr0 --persistent', 'now, and from its next start on'),
  handler: async (options) => {
    const device = cardOf(sourceOf(options.type, options.source), {
      mac: macOf(options.mac),
      model: options.model,
      script: options.script,
      ifname: options.target,
      outbound: rateOf('outbound', options.outbound),
    });
    const flags = impactOfOptions(options);
    await tellChange(options, 'attached', (host, signal) =>
      attachDevice(host, options.domain, { device, flags, forceLease: false, signal }),
    );
  },
};

type DetachOptions = DomainOptions & DeviceImpact & { type: CardType; mac?: string | undefined };

export const detachInterfaceCommand: CommandModule<GlobalOptions, DetachOptions> = {
  command: 'detach-interface <domain> <type>',
  describe: 'detach a network card from a domain, running or not',
  builder: (yargs) =>
    deviceImpactOptions(domainArgument(yargs))
      .positional('type', { choices: TYPES, demandOption: true, describe: 'its type of connection' })
      .option('mac', { type: 'string', describe: 'its address; required if there are several' })
      .example('$0 detach-interface web1 bridge --mac 00:16:3e:12:34:56', 'that one'),
  handler: async (options) => {
    const mac = macOf(options.mac);
    const flags = impactOfOptions(options);
    await tellChange(options, 'detached', (host, signal) =>
      detachDevice(host, options.domain, {
        device: { kind: 'card', type: options.type, mac },
        flags,
        force: false,
        signal,
      }),
    );
  },
};

function sourceText({ source }: Interface): string {
  switch (source.type) {
    case 'bridge':
      return source.bridge;
    case 'network':
      return source.network;
    case 'ethernet':
      return '-';
  }
}

type ListOptions = JsonOptions & DomainOptions & { inactive: boolean };

export const domiflistCommand: CommandModule<GlobalOptions, ListOptions> = {
  command: 'domiflist <domain>',
  describe: 'list the network cards of a domain',
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .option('inactive', flag('as its next start will have them'))
      .example('$0 domiflist web1', "the host's ends, bridges and addresses"),
  handler: async ({ inactive, json, ...options }) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const cards = await listCards(host, options.domain, { inactive, signal: stop.cancel });
    if (json) {
      printJson(
        cards.map(({ card, ifname }) => ({
          interface: ifname ?? null,
          type: card.source.type,
          source: card.source.type === 'ethernet' ? null : sourceText(card),
          model: card.model ?? null,
          mac: card.mac ?? null,
        })),
      );
      return;
    }
    printTable(
      ['Interface', 'Type', 'Source', 'Model', 'MAC'],
      cards.map(({ card, ifname }) => [
        ifname ?? '-',
        card.source.type,
        sourceText(card),
        card.model ?? '-',
        card.mac ?? '-',
      ]),
    );
  },
};
