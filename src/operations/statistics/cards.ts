import type { Interface } from '../../domain/definition/devices/interface.js';
import { readDefinition } from '../../domain/definition/read.js';
import { nicNumbers } from '../../domain/libxl-json/nic-numbers.js';
import { UsageError } from '../../errors/errors.js';
import type { RunningGuest } from './running-guest.js';

/** A network card of a running domain. */
export interface Card {
  readonly nic: Interface;
  /** Names of the host's end, and of the device model's if there is one. */
  readonly names: readonly [ifname: string, emulated: string];
}

/** In the order of the definition. A card has the number that libxl assigned, which may differ from its position. */
export function cardsOf({ info, config }: RunningGuest): Card[] {
  const { domain, native } = config;
  const numbers = native === undefined ? undefined : nicNumbers(native.text);
  return readDefinition(domain, { lenient: true })
    .definition.devices.filter((device) => device.kind === 'interface')
    .map((nic, index) => {
      const number = (nic.mac === undefined ? undefined : numbers?.get(nic.mac)) ?? index;
      const end = nic.ifname ?? `vif${info.domid}.${number}`;
      return { nic, names: [end, `${end}-emu`] };
    });
}

/** The card of that name or address. @throws UsageError `E_USAGE_INTERFACE` if the domain has no such card */
export function cardNamed(cards: readonly Card[], wanted: string, domain: string): Card {
  const mac = wanted.toLowerCase().replaceAll('-', ':');
  const card = cards.find(({ nic, names }) => names.includes(wanted) || nic.mac === mac);
  if (card !== undefined) return card;
  const known = cards.map(({ names }) => names[0]);
  throw new UsageError('E_USAGE_INTERFACE', `'${wanted}' is not a known interface of domain ${domain}`, {
    hint: known.length === 0 ? 'It has none.' : `It has ${known.join(', ')}.`,
    data: { interface: wanted, interfaces: known },
  });
}
