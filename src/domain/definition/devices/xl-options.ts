import { element, isElement, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';

/*
 * Settings of xl for a device that libvirt's domain XML lacks, in a child of the device's element:
 * `<xl:options xmlns:xl='urn:xenferry:xl:1' script='block-drbd' trusted='0'/>`. The attributes are defined in
 * libxl-json/device-options.ts, with libxl's names.
 */

/** Namespace of xl's settings in domain XML. */
export const XL_NS = 'urn:xenferry:xl:1';

export type XlOptions = Readonly<Record<string, string>>;

/** The name without its prefix, if it is one of ours: an ancestor may have declared `xl`. */
export function xlName({ name, attributes }: XmlElement): string | undefined {
  const [prefix, local] = name.split(':');
  const declared = attributes.get(`xmlns:${prefix}`);
  return declared === XL_NS || (declared === undefined && prefix === 'xl') ? local : undefined;
}

/** Reads `<xl:options>` of a device. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readXlOptions(reader: ElementReader): { readonly xl?: XlOptions } {
  const found = reader.element.children.find((child) => isElement(child) && xlName(child) === 'options');
  if (found === undefined || !isElement(found)) return {};
  const options = reader.child(found.name, (own) => {
    const names = [...own.element.attributes.keys()].filter((name) => !name.startsWith('xmlns'));
    return Object.fromEntries(names.map((name) => [name, own.need(name)]));
  });
  return options === undefined ? {} : { xl: options };
}

/** The options as `<xl:options>`; no element if there are none. */
export function writeXlOptions(options: XlOptions | undefined): XmlElement[] {
  if (options === undefined || Object.keys(options).length === 0) return [];
  return [element('xl:options', { 'xmlns:xl': XL_NS, ...options })];
}
