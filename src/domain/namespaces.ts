import { isElement, type XmlElement } from '../xml/element.js';

function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:');
}

/** The namespaces that an element declares for itself and all below it. */
export function declarationsOf(element: XmlElement): ReadonlyMap<string, string> {
  return new Map([...element.attributes].filter(([name]) => isDeclaration(name)));
}

function prefixesIn(element: XmlElement, found = new Set<string>()): Set<string> {
  for (const name of [element.name, ...element.attributes.keys()]) {
    const colon = name.indexOf(':');
    if (colon > 0) found.add(name.slice(0, colon));
  }
  for (const child of element.children) if (isElement(child)) prefixesIn(child, found);
  return found;
}

/**
 * The element with the declarations that it uses from its ancestors, so that it has the same meaning in
 * another document. Its own declarations take precedence.
 */
export function selfContained(element: XmlElement, inherited: ReadonlyMap<string, string>): XmlElement {
  const used = prefixesIn(element);
  const needed = [...inherited].filter(
    ([name]) => used.has(name.slice('xmlns:'.length)) && !element.attributes.has(name),
  );
  if (needed.length === 0) return element;
  return { ...element, attributes: new Map([...needed, ...element.attributes]) };
}
