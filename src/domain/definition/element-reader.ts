import type { UsageError } from '../../errors/errors.js';
import { childrenNamed, isElement, textOf, type XmlElement } from '../../xml/element.js';
import { badXml } from '../xml-trouble.js';

/** How strictly a definition is read, and what was ignored. */
export interface Reading {
  /** For XML of a peer or of an older release: content that is not understood causes a warning, not an error (S06). */
  readonly lenient: boolean;
  /** Unknown names cause a warning, not an error. */
  readonly carryUnknown: boolean;
  readonly warnings: string[];
}

/** Most warnings; a document may have thousands of unknown elements. */
const MAX_WARNINGS = 100;

const MAX_UINT = 0xffff_ffff;

/**
 * Reads one element and tracks what is read; content that is not read is unknown, and causes an
 * error that names it. `readElement` ensures that.
 */
export class ElementReader {
  readonly #attributes = new Set<string>();
  readonly #children = new Set<string>();
  #text = false;

  constructor(
    readonly element: XmlElement,
    readonly path: string,
    readonly reading: Reading,
  ) {}

  bad(where: string, why: string): UsageError {
    return badXml(where === '' ? this.path : `${this.path}/${where}`, why, this.element);
  }

  attribute(name: string): string | undefined {
    this.#attributes.add(name);
    return this.element.attributes.get(name);
  }

  need(name: string): string {
    const value = this.attribute(name);
    if (value === undefined || value === '') throw this.bad(`@${name}`, 'is missing');
    return value;
  }

  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.attribute(name);
    return text === undefined ? undefined : this.#oneOf(`@${name}`, text, values);
  }

  needChoice<T extends string>(name: string, values: readonly T[]): T {
    return this.#oneOf(`@${name}`, this.need(name), values);
  }

  /** The element's own text as one of `values`. */
  textChoice<T extends string>(values: readonly T[]): T {
    return this.#oneOf('', this.text(), values);
  }

  /** A number: decimal, or hexadecimal after `0x`. */
  integer(name: string, min = 0, max = MAX_UINT): number | undefined {
    const text = this.attribute(name);
    if (text === undefined) return undefined;
    const value = /^(-?\d{1,15}|0x[0-9a-f]{1,13})$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw this.bad(`@${name}`, `${JSON.stringify(text)} is not a number from ${min} to ${max}`);
    }
    return value;
  }

  needInteger(name: string, min = 0, max = MAX_UINT): number {
    this.need(name);
    return this.integer(name, min, max) ?? min;
  }

  yesNo(name: string): boolean | undefined {
    const value = this.choice(name, ['yes', 'no']);
    return value === undefined ? undefined : value === 'yes';
  }

  onOff(name: string): boolean | undefined {
    const value = this.choice(name, ['on', 'off']);
    return value === undefined ? undefined : value === 'on';
  }

  text(): string {
    this.#text = true;
    return textOf(this.element);
  }

  /** The child of that name, which may occur once. */
  child<T>(name: string, read: (reader: ElementReader) => T): T | undefined {
    return this.children(name, 1, read).at(0);
  }

  /**
   * All children of that name, in order.
   * @param most most children; if there are more, none is read
   */
  children<T>(name: string, most: number, read: (reader: ElementReader) => T): T[] {
    this.#children.add(name);
    const found = childrenNamed(this.element, name);
    if (found.length > most) {
      throw this.bad(name, most === 1 ? 'occurs more than once' : `occurs ${found.length} times, more than ${most}`);
    }
    return found.map((one, index) =>
      readElement(one, `${this.path}/${name}${found.length > 1 ? `[${index + 1}]` : ''}`, this.reading, read),
    );
  }

  /** Text of a child that has nothing else; undefined where it is absent or empty. */
  textChild(name: string): string | undefined {
    const text = this.child(name, (reader) => reader.text());
    return text === '' ? undefined : text;
  }

  /** Whether an empty element is present. */
  flag(name: string): boolean {
    return this.child(name, () => true) ?? false;
  }

  /** Attributes and elements that libvirt adds to a running domain, and that mean nothing in a definition. */
  skip(...names: readonly string[]): void {
    for (const name of names) {
      this.#attributes.add(name);
      this.#children.add(name);
    }
  }

  /** Adds a warning about this element. Beyond the bound only their existence is stated. */
  warn(why: string, child?: string): void {
    const { warnings } = this.reading;
    const path = child === undefined ? this.path : `${this.path}/${child}`;
    if (warnings.length < MAX_WARNINGS) warnings.push(`${path}: ${why}`);
    else if (warnings.length === MAX_WARNINGS) warnings.push('and further ones, which are not listed');
  }

  /** Children that were not read, to be kept; an error if reading is strict. */
  leftovers(): XmlElement[] {
    const left = this.element.children.filter(
      (child): child is XmlElement => isElement(child) && !this.#children.has(child.name),
    );
    for (const child of left) {
      this.#unknown(`<${child.name}>`, child);
      this.#children.add(child.name);
    }
    return left;
  }

  finish(): void {
    this.leftovers();
    for (const name of this.element.attributes.keys()) {
      if (!this.#attributes.has(name) && !/^xmlns(:|$)/.test(name)) this.#unknown(`attribute '${name}'`, this.element);
    }
    if (!this.#text && textOf(this.element) !== '') this.#unknown('text', this.element);
  }

  #unknown(what: string, at: XmlElement): void {
    const why = `${what} is not known, or has no meaning under Xen`;
    if (!this.reading.carryUnknown) throw badXml(this.path, why, at);
    this.warn(why);
  }

  #oneOf<T extends string>(where: string, text: string, values: readonly T[]): T {
    const found = values.find((value) => value === text);
    if (found === undefined) throw this.bad(where, `${JSON.stringify(text)} is not one of ${values.join(', ')}`);
    return found;
  }
}

/** Reads an element completely: content that `read` does not use causes an error or a warning. */
export function readElement<T>(
  element: XmlElement,
  path: string,
  reading: Reading,
  read: (reader: ElementReader) => T,
): T {
  const reader = new ElementReader(element, path, reading);
  const value = read(reader);
  reader.finish();
  return value;
}
