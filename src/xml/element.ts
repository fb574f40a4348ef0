/** A small, immutable XML tree: what `parseXml` returns and `formatXml` takes. */
export interface XmlElement {
  /** Qualified name as written: `name` or `prefix:name`. */
  readonly name: string;
  /** Attributes in document order, `xmlns` ones included. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlNode[];
  /** Where the element started, for messages; absent on built elements. */
  readonly at?: { readonly line: number; readonly column: number };
}

export type XmlNode = XmlElement | string;

/** Whether a node is an element; the other nodes are character data. */
export function isElement(node: XmlNode): node is XmlElement {
  return typeof node !== 'string';
}

/** Builds an element; attributes whose value is undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  children: readonly XmlNode[] = [],
): XmlElement {
  const kept = new Map<string, string>();
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) kept.set(key, String(value));
  return { name, attributes: kept, children };
}

/** The children with this qualified name, in document order. */
export function childrenNamed(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((node): node is XmlElement => isElement(node) && node.name === name);
}

/** The first child with this qualified name. */
export function childNamed(parent: XmlElement, name: string): XmlElement | undefined {
  return parent.children.find((node): node is XmlElement => isElement(node) && node.name === name);
}

/** All character data directly inside the element, trimmed. */
export function textOf(parent: XmlElement): string {
  return parent.children
    .filter((node) => typeof node === 'string')
    .join('')
    .trim();
}
