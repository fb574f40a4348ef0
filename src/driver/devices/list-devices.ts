import type { Disk } from '../../domain/definition/devices/disk.js';
import { readDefinition } from '../../domain/definition/read.js';
import { Deadline } from '../../errors/deadline.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';
import type { Host } from '../host.js';
import { refuseTransient } from '../lifecycle/persistent.js';
import { namedCards, type NamedCard } from '../statistics/named-cards.js';

export interface ListRequest {
  /** As its next start will have them, though it runs. */
  readonly inactive: boolean;
  readonly signal: AbortSignal;
}

/** The disks of a domain: as it runs, or else as it is defined. @throws RefusedError `E_REFUSED_NO_DOMAIN`, `E_REFUSED_TRANSIENT` */
export async function listDisks(host: Host, ref: string, request: ListRequest): Promise<Disk[]> {
  const { config } = await configOf(host, ref, request);
  const { definition } = readDefinition(config.domain, { lenient: true });
  return definition.devices.filter((device) => device.kind === 'disk');
}

/** Its network cards; the host's end of each is undefined where it does not run and none is named. @throws as `listDisks` */
export async function listCards(
  host: Host,
  ref: string,
  request: ListRequest,
): Promise<(Pick<NamedCard, 'card'> & { readonly ifname: string | undefined })[]> {
  const { config, domid } = await configOf(host, ref, request);
  const cards = namedCards(domid ?? 0, config);
  return domid === undefined ? cards.map(({ card }) => ({ card, ifname: card.ifname })) : cards;
}

async function configOf(
  host: Host,
  ref: string,
  { inactive, signal }: ListRequest,
): Promise<{ readonly config: GuestConfig; readonly domid: number | undefined }> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'a look at the domain');
  const known = await host.findKnown(ref, looking.signal);
  const { info } = known;
  if (info === undefined || inactive) {
    return { config: { domain: refuseTransient(known, 'listed as it will start').domain }, domid: undefined };
  }
  return { config: await host.toolstack.describe(info.domid, looking.signal), domid: info.domid };
}
