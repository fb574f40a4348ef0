import { isElement, textOf, type XmlElement } from '../../../src/xml/element.js';

/**
 * The leaves of an element: attributes as `path@name`, text and empty elements by their path alone. Elements of one name are numbered,
 * each kind by itself, so that their order among others decides nothing.
 */
export function xmlLeaves(root: XmlElement, path = root.name, leaves = new Map<string, string>()): Map<string, string> {
  for (const [name, value] of root.attributes) leaves.set(`${path}@${name}`, value);
  const children = root.children.filter(isElement);
  const text = textOf(root);
  if (children.length === 0 && (text !== '' || root.attributes.size === 0)) leaves.set(path, text);
  const seen = new Map<string, number>();
  for (const child of children) {
    const index = seen.get(child.name) ?? 0;
    seen.set(child.name, index + 1);
    xmlLeaves(child, `${path}/${child.name}[${index}]`, leaves);
  }
  return leaves;
}
