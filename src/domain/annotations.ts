import { childNamed, element, isElement, textOf, type XmlElement } from '../xml/element.js';
import { formatXml } from '../xml/format.js';
import { parseXml } from '../xml/parse.js';
import { XL_NS } from './definition/devices/xl-options.js';
import { namespaceOf } from './metadata.js';
import type { Domain } from './model.js';

/*
 * Parts of a definition for people and programs that the guest never sees: title, description and metadata. A toolstack
 * does not store them, so they are kept separately for a running domain, as one document:
 *
 *   <annotations><title>…</title><description>…</description><metadata>…</metadata></annotations>
 *
 * The settings for xl are in the metadata, too, but not part of this: a running domain's are those of its toolstack.
 */

/** Title, description and metadata of a domain. */
export interface Annotations {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly metadata: readonly XmlElement[];
}

const TEXTS = ['title', 'description'] as const;

function isOurs(child: XmlElement): boolean {
  return namespaceOf(child) === XL_NS;
}

/** Undefined where the domain has none. */
export function annotationsOf(domain: Domain): Annotations | undefined {
  const [title, description] = TEXTS.map((name) => {
    const found = domain.rest.find((child) => child.name === name);
    return found === undefined ? undefined : textOf(found);
  });
  const metadata = domain.metadata.filter((child) => !isOurs(child));
  if (title === undefined && description === undefined && metadata.length === 0) return undefined;
  return { title, description, metadata };
}

/** The domain with these annotations in place of its own. */
export function withAnnotations(domain: Domain, { title, description, metadata }: Annotations): Domain {
  const others = domain.rest.filter(({ name }) => !TEXTS.some((text) => text === name));
  const genid = others.filter(({ name }) => name === 'genid');
  return {
    ...domain,
    metadata: [...domain.metadata.filter(isOurs), ...metadata.filter((child) => !isOurs(child))],
    rest: [
      ...genid,
      ...textElement('title', title),
      ...textElement('description', description),
      ...others.filter(({ name }) => name !== 'genid'),
    ],
  };
}

function textElement(name: (typeof TEXTS)[number], text: string | undefined): XmlElement[] {
  return text === undefined || text === '' ? [] : [element(name, {}, [text])];
}

/** @throws XmlError `E_XML_CHARACTER` for a text that XML has no form for */
export function formatAnnotations({ title, description, metadata }: Annotations): string {
  return formatXml(
    element('annotations', {}, [
      ...textElement('title', title),
      ...textElement('description', description),
      ...(metadata.length === 0 ? [] : [element('metadata', {}, metadata)]),
    ]),
  );
}

/** Reads what `formatAnnotations` wrote, within the bounds of domain XML. @throws XmlError */
export function parseAnnotations(text: string): Annotations {
  const root = parseXml(text);
  const textIn = (name: string): string | undefined => {
    const found = childNamed(root, name);
    return found === undefined ? undefined : textOf(found);
  };
  return {
    title: textIn('title'),
    description: textIn('description'),
    metadata: (childNamed(root, 'metadata')?.children ?? []).filter(isElement),
  };
}
