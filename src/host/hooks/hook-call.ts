/** When a hook is called: operation and sub-operation, as libvirt names them (S24). */
export type HookMoment =
  | 'prepare begin'
  | 'start begin'
  | 'started begin'
  | 'stopped end'
  | 'release end'
  | 'migrate begin'
  | 'reconnect begin';

export interface HookCall {
  /** The domain's name; where it arrives under another, that one. */
  readonly domain: string;
  readonly moment: HookMoment;
  /** What the script reads: domain XML. */
  readonly xml: string;
}

/** What a script is started with: NAME OPERATION SUBOPERATION EXTRA, and `-` for what there is none of. */
export function argumentsOf({ domain, moment }: HookCall): string[] {
  return [domain, ...moment.split(' '), '-'];
}
