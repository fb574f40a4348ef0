import { isElement, type XmlElement } from '../xml/element.js';
import { UsageError } from '../errors/errors.js';

/** Longest URI of a namespace, in characters: an event names it. */
const MAX_URI = 1024;
const KEY = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

type Scope = ReadonlyMap<string, string>;

function declaredBy(one: XmlElement, outer: Scope): Scope {
  const own = [...one.attributes].filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'));
  return own.length === 0 ? outer : new Map([...outer, ...own]);
}

function uriIn({ name }: Pick<XmlElement, 'name'>, scope: Scope): string | undefined {
  const colon = name.indexOf(':');
  return scope.get(colon < 0 ? 'xmlns' : `xmlns:${name.slice(0, colon)}`);
}

/** The namespace of an element that declares its own, as the children of `<metadata>` do; undefined where it has none. */
export function namespaceOf(one: XmlElement): string | undefined {
  return uriIn(one, declaredBy(one, new Map()));
}

/** @throws UsageError `E_USAGE_METADATA` for what is no URI of a namespace */
export function checkMetadataUri(uri: string): string {
  if (uri !== '' && uri.length <= MAX_URI && !/[\p{Cc}\s]/u.test(uri)) return uri;
  throw new UsageError('E_USAGE_METADATA', `${JSON.stringify(uri.slice(0, 80))} is not the URI of a namespace`, {
    hint: `Give a URI without blanks, at most ${MAX_URI} characters, such as http://example.org/app.`,
  });
}

/** @throws UsageError `E_USAGE_METADATA` for what cannot be the prefix of a namespace */
export function checkMetadataKey(key: string): string {
  if (KEY.test(key) && !/^xml/i.test(key)) return key;
  throw new UsageError('E_USAGE_METADATA', `--key ${JSON.stringify(key.slice(0, 80))} cannot be a namespace prefix`, {
    hint: 'Use letters, digits, `_`, `-` and `.`, at most 64, beginning with a letter, and not with `xml`.',
  });
}

/** An element in a namespace, under a prefix; so is everything below it that has no namespace of its own, as libvirt has it. */
export function intoNamespace(root: XmlElement, uri: string, key: string): XmlElement {
  const move = (one: XmlElement, outer: Scope): XmlElement => {
    const scope = declaredBy(one, outer);
    const hasNone = !one.name.includes(':') && !scope.has('xmlns');
    return {
      ...one,
      name: hasNone ? `${key}:${one.name}` : one.name,
      children: one.children.map((child) => (isElement(child) ? move(child, scope) : child)),
    };
  };
  const moved = move(root, new Map());
  return { ...moved, attributes: new Map([...moved.attributes, [`xmlns:${key}`, uri]]) };
}

/** The reverse: an element as it was given, without the namespace that it stands in. */
export function outOfNamespace(root: XmlElement, uri: string): XmlElement {
  const move = (one: XmlElement, outer: Scope): XmlElement => {
    const scope = declaredBy(one, outer);
    const isIn = uriIn(one, scope) === uri;
    return {
      ...one,
      name: isIn ? one.name.slice(one.name.indexOf(':') + 1) : one.name,
      attributes: new Map([...one.attributes].filter(([name, value]) => !(name.startsWith('xmlns') && value === uri))),
      children: one.children.map((child) => (isElement(child) ? move(child, scope) : child)),
    };
  };
  return move(root, new Map());
}
