/** The moment of a hook call: operation and sub-operation, as libvirt names them (S24). */
export type HookMoment =
  | 'prepare begin'
  | 'start begin'
  | 'started begin'
  | 'stopped end'
  | 'release end'
  | 'migrate begin'
  | 'reconnect begin';

/** One call of a hook. */
export interface HookCall {
  /** The domain's name; for an arrival, its name here. */
  readonly domain: string;
  readonly moment: HookMoment;
  /** The script's standard input: domain XML. */
  readonly xml: string;
}

/** A script's arguments: NAME OPERATION SUBOPERATION EXTRA, with `-` for an absent one. */
export function argumentsOf({ domain, moment }: HookCall): string[] {
  return [domain, ...moment.split(' '), '-'];
}
