import { element, type XmlElement } from '../../xml/element.js';
import type { ElementReader } from './element-reader.js';

/** What a Windows guest may be told that its hypervisor can do, in libvirt's names. */
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

/** What Xen can show to one guest, or has switched for all of them. */
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

export function isXens(name: Enlightenment): boolean {
  return XENS.has(name);
}

export interface Hyperv {
  /** `passthrough`: all that there is. */
  readonly mode: 'custom' | 'passthrough';
  readonly states: readonly { readonly name: Enlightenment; readonly on: boolean }[];
}

export function readHyperv(features: ElementReader): Hyperv | undefined {
  return features.child('hyperv', (hyperv): Hyperv => ({
    mode: hyperv.choice('mode', ['custom', 'passthrough']) ?? 'custom',
    states: ENLIGHTENMENTS.flatMap((name) => {
      const on = hyperv.child(name, (one) => one.onOff('state') ?? true);
      return on === undefined ? [] : [{ name, on }];
    }),
  }));
}

export function writeHyperv({ mode, states }: Hyperv): XmlElement {
  return element(
    'hyperv',
    { mode },
    states.map(({ name, on }) => element(name, { state: on ? 'on' : 'off' })),
  );
}
