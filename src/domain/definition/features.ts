import { element, type XmlElement } from '../../xml/element.js';
import type { ElementReader } from './element-reader.js';
import { readHyperv, writeHyperv, type Hyperv } from './hyperv.js';

const PASSTHROUGH_MODES = ['sync_pt', 'share_pt'] as const;

/** `<passthrough>` of `<features><xen>`. */
export interface Passthrough {
  readonly enabled: boolean;
  /** Whether the guest's IOMMU tables are separate or shared with its memory's (L08). */
  readonly mode: (typeof PASSTHROUGH_MODES)[number] | undefined;
}

/** `<features>`. */
export interface Features {
  readonly pae: boolean;
  readonly acpi: boolean;
  readonly apic: boolean;
  /** Hardware-assisted paging; undefined: the host's choice. */
  readonly hap: boolean | undefined;
  readonly viridian: boolean;
  readonly hyperv?: Hyperv | undefined;
  /** PV only: a memory map that follows the host's. */
  readonly e820Host: boolean | undefined;
  readonly passthrough: Passthrough | undefined;
}

const NONE: Features = {
  pae: false,
  acpi: false,
  apic: false,
  hap: undefined,
  viridian: false,
  e820Host: undefined,
  passthrough: undefined,
};

/** Reads `<features>` of a domain. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readFeatures(domain: ElementReader): Features {
  const features = domain.child('features', (reader): Features => {
    const xen = reader.child('xen', (own) => ({
      e820Host: own.child('e820_host', (e820) => e820.onOff('state')),
      passthrough: own.child('passthrough', (pass): Passthrough => ({
        enabled: pass.onOff('state') ?? false,
        mode: pass.choice('mode', PASSTHROUGH_MODES),
      })),
    }));
    const hyperv = readHyperv(reader);
    return {
      pae: reader.flag('pae'),
      acpi: reader.flag('acpi'),
      apic: reader.flag('apic'),
      // Without a state, presence means on.
      hap: reader.child('hap', (hap) => hap.onOff('state') ?? true),
      viridian: reader.flag('viridian'),
      ...(hyperv === undefined ? {} : { hyperv }),
      e820Host: xen?.e820Host,
      passthrough: xen?.passthrough,
    };
  });
  return features ?? NONE;
}

const state = (on: boolean): string => (on ? 'on' : 'off');

/** The features as `<features>`; no element if there are none. */
export function writeFeatures(features: Features): XmlElement[] {
  const { hap, e820Host, passthrough } = features;
  const xen = [
    ...(e820Host === undefined ? [] : [element('e820_host', { state: state(e820Host) })]),
    ...(passthrough === undefined
      ? []
      : [element('passthrough', { state: state(passthrough.enabled), mode: passthrough.mode })]),
  ];
  const children = [
    ...(features.acpi ? [element('acpi')] : []),
    ...(features.apic ? [element('apic')] : []),
    ...(features.pae ? [element('pae')] : []),
    ...(hap === undefined ? [] : [element('hap', { state: state(hap) })]),
    ...(features.viridian ? [element('viridian')] : []),
    ...(features.hyperv === undefined ? [] : [writeHyperv(features.hyperv)]),
    ...(xen.length === 0 ? [] : [element('xen', {}, xen)]),
  ];
  return children.length === 0 ? [] : [element('features', {}, children)];
}
