import { element, type XmlElement } from '../../xml/element.js';
import type { ElementReader } from './element-reader.js';

/**
 * Whether an HVM guest may put itself to sleep (`<pm>`): S3 and S4 of ACPI. Undefined: libxl's default, which is yes.
 */
export interface PowerManagement {
  readonly toMemory: boolean | undefined;
  readonly toDisk: boolean | undefined;
}

/** Reads `<pm>`; undefined if there is none. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readPower(domain: ElementReader): PowerManagement | undefined {
  return domain.child('pm', (pm): PowerManagement => ({
    toMemory: pm.child('suspend-to-mem', (one) => one.yesNo('enabled')),
    toDisk: pm.child('suspend-to-disk', (one) => one.yesNo('enabled')),
  }));
}

/** The states as `<pm>`; no element if there are none. */
export function writePower(power: PowerManagement | undefined): XmlElement[] {
  if (power === undefined) return [];
  const state = (name: string, on: boolean | undefined): XmlElement[] =>
    on === undefined ? [] : [element(name, { enabled: on ? 'yes' : 'no' })];
  return [element('pm', {}, [...state('suspend-to-mem', power.toMemory), ...state('suspend-to-disk', power.toDisk)])];
}
