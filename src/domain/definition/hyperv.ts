import { element, type XmlElement } from '../../xml/element.js';
import type { ElementReader } from './element-reader.js';

/** Hyper-V enlightenments, by libvirt's names. */
export const ENLIGHTENMENTS = [
  'relaxed',
  'vapic',
  'spinlocks',
  'vpindex',
  'runtime',
  'synic',
  'stimer',
  'reset',
  'vendor_id',
  'frequencies',
  'reenlightenment',
  'tlbflush',
  'ipi',
  'evmcs',
  'avic',
  'emsr_bitmap',
  'xmm_input',
] as const;
export type Enlightenment = (typeof ENLIGHTENMENTS)[number];

/** Enlightenments that Xen can set per guest, or has enabled for all guests. */
const XENS: ReadonlySet<Enlightenment> = new Set([
  'relaxed',
  'vapic',
  'vpindex',
  'synic',
  'stimer',
  'frequencies',
  'tlbflush',
  'ipi',
  'spinlocks',
  'vendor_id',
]);

/** Whether Xen has an enlightenment. */
export function isXens(name: Enlightenment): boolean {
  return XENS.has(name);
}

/** `<hyperv>` of `<features>`. */
export interface Hyperv {
  /** `passthrough`: all enlightenments. */
  readonly mode: 'custom' | 'passthrough';
  readonly states: readonly { readonly name: Enlightenment; readonly on: boolean }[];
}

/** Reads `<hyperv>`; undefined if there is none. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readHyperv(features: ElementReader): Hyperv | undefined {
  return features.child('hyperv', (hyperv): Hyperv => ({
    mode: hyperv.choice('mode', ['custom', 'passthrough']) ?? 'custom',
    states: ENLIGHTENMENTS.flatMap((name) => {
      const on = hyperv.child(name, (one) => one.onOff('state') ?? true);
      return on === undefined ? [] : [{ name, on }];
    }),
  }));
}

/** The enlightenments as `<hyperv>`. */
export function writeHyperv({ mode, states }: Hyperv): XmlElement {
  return element(
    'hyperv',
    { mode },
    states.map(({ name, on }) => element(name, { state: on ? 'on' : 'off' })),
  );
}
