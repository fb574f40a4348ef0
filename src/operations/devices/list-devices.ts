import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Interface } from '../../domain/definition/devices/interface.js';
import { readDefinition } from '../../domain/definition/read.js';
import { Deadline } from '../../errors/deadline.js';
import type { DomainInfo, GuestConfig } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { refuseTransient } from '../definition/persistent.js';
import { cardsOf } from '../statistics/cards.js';

/** Options of the lists. */
export interface ListRequest {
  /** As its next start will have them, even if it runs. */
  readonly inactive: boolean;
  readonly signal: AbortSignal;
}

/**
 * The disks of a domain: as it runs, or else as it is defined. @throws RefusedError `E_REFUSED_NO_DOMAIN`,
 * `E_REFUSED_TRANSIENT`
 */
export async function listDisks(host: Host, ref: string, request: ListRequest): Promise<Disk[]> {
  const { config } = await configOf(host, ref, request);
  const { definition } = readDefinition(config.domain, { lenient: true });
  return definition.devices.filter((device) => device.kind === 'disk');
}

/** A network card; the host's end of it is undefined if the domain does not run and its definition names none. */
export interface ListedCard {
  readonly card: Interface;
  readonly ifname: string | undefined;
}

/** Its network cards. @throws as `listDisks` */
export async function listCards(host: Host, ref: string, request: ListRequest): Promise<ListedCard[]> {
  const { config, info } = await configOf(host, ref, request);
  if (info !== undefined) {
    return cardsOf({ info, config }).map(({ nic, names }) => ({ card: nic, ifname: names[0] }));
  }
  const { definition } = readDefinition(config.domain, { lenient: true });
  return definition.devices
    .filter((device) => device.kind === 'interface')
    .map((card) => ({ card, ifname: card.ifname }));
}

async function configOf(
  host: Host,
  ref: string,
  { inactive, signal }: ListRequest,
): Promise<{ readonly config: GuestConfig; readonly info: DomainInfo | undefined }> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'the state of the domain');
  const known = await host.findKnown(ref, looking.signal);
  const { info } = known;
  if (info === undefined || inactive) {
    return { config: { domain: refuseTransient(known, 'listed as it will start').domain }, info: undefined };
  }
  return { config: await host.toolstack.describe(info.domid, looking.signal), info };
}
