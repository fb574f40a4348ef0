import type { Interface } from '../../domain/definition/devices/interface.js';
import { readDefinition } from '../../domain/definition/read.js';
import { nicNumbers } from '../../domain/libxl-json/nic-numbers.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';

export interface NamedCard {
  readonly card: Interface;
  /** The host's end: `vif3.0`. */
  readonly ifname: string;
}

/**
 * The network cards of a running domain, each with the host's end of it; a card to which libxl has given no number has that of its
 * place. @throws ProtocolError `E_PROTOCOL_LIBXL_JSON`
 */
export function namedCards(domid: number, { domain, native }: GuestConfig): NamedCard[] {
  const { definition } = readDefinition(domain, { lenient: true });
  const numbers = native === undefined ? undefined : nicNumbers(native.text);
  return definition.devices
    .filter((device) => device.kind === 'interface')
    .map((card, index) => {
      const number = (card.mac === undefined ? undefined : numbers?.get(card.mac)) ?? index;
      return { card, ifname: card.ifname ?? `vif${domid}.${number}` };
    });
}
