import { badConfig, type CfgFile, type CfgValue, type Place } from './syntax.js';

/** A text of the file with its place, for errors. */
export interface Placed {
  readonly text: string;
  readonly at: Place;
}

const MAX_NUMBER = 2 ** 53 - 1;

/** Decimal, or hexadecimal after `0x`, as `strtoul` of base 0; a sign only in quotes. */
export function numberOf({ text, at }: Placed, name: string, min: number, max: number): number {
  const value = /^(-?\d{1,16}|0x[0-9a-f]{1,13})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw badConfig(at, `${name}: ${JSON.stringify(text)} is not a number from ${min} to ${max}`);
  }
  return value;
}

export function oneOf<T extends string>({ text, at }: Placed, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found === undefined) throw badConfig(at, `${name}: ${JSON.stringify(text)} is not one of ${values.join(', ')}`);
  return found;
}

/** The settings of a file, asked for one by one; what nobody asked for is told at the end. */
export class Settings {
  readonly #asked = new Set<string>();

  constructor(private readonly file: CfgFile) {}

  has(name: string): boolean {
    return this.file.has(name);
  }

  /** A text or a number; undefined where it is not set. */
  text(name: string): Placed | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    return textOf(value, name);
  }

  plain(name: string): string | undefined {
    const text = this.text(name)?.text;
    return text === '' ? undefined : text;
  }

  number(name: string, min = 0, max = MAX_NUMBER): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : numberOf(value, name, min, max);
  }

  /** 0 is no, another number is yes; undefined leaves it to libxl. */
  flag(name: string): boolean | undefined {
    const value = this.number(name, -MAX_NUMBER);
    return value === undefined ? undefined : value !== 0;
  }

  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : oneOf(value, name, values);
  }

  /** The strings of a list; none where it is not set. */
  list(name: string): Placed[] {
    const value = this.#get(name);
    if (value === undefined) return [];
    if (value.kind !== 'list') throw badConfig(value.at, `${name} must be a list: ["…"]`);
    return value.items.map((item) => textOf(item, name));
  }

  /** A list of strings, or one alone. */
  textOrList(name: string): { readonly isList: boolean; readonly all: readonly Placed[] } {
    const value = this.file.get(name);
    if (value?.kind === 'list') return { isList: true, all: this.list(name) };
    const text = this.text(name);
    return { isList: false, all: text === undefined || text.text === '' ? [] : [text] };
  }

  /** A list of lists of strings. */
  lists(name: string): { readonly at: Place; readonly items: readonly Placed[] }[] {
    const value = this.#get(name);
    if (value === undefined) return [];
    if (value.kind !== 'list') throw badConfig(value.at, `${name} must be a list of lists`);
    return value.items.map((item) => {
      if (item.kind !== 'list') throw badConfig(item.at, `${name} must be a list of lists`);
      return { at: item.at, items: item.items.map((one) => textOf(one, name)) };
    });
  }

  place(name: string): Place {
    return this.file.get(name)?.at ?? { line: 1, column: 1 };
  }

  /** Settings that were never asked for, with their lines. */
  leftovers(): string[] {
    return [...this.file]
      .filter(([name]) => !this.#asked.has(name))
      .map(([name, { at }]) => `line ${at.line}: ${name} is not carried over`);
  }

  #get(name: string): CfgValue | undefined {
    this.#asked.add(name);
    return this.file.get(name);
  }
}

function textOf(value: CfgValue, name: string): Placed {
  if (value.kind === 'list') throw badConfig(value.at, `${name} must be a string or a number here, not a list`);
  return value;
}

/** `key=value,key=value`, as most devices are written; a word alone has the value ''. */
export function pairsOf(spec: Placed): ReadonlyMap<string, Placed> {
  const pairs = new Map<string, Placed>();
  for (const part of spec.text.split(',')) {
    const trimmed = part.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    const key = equals < 0 ? trimmed : trimmed.slice(0, equals).trim();
    pairs.set(key, { text: equals < 0 ? '' : trimmed.slice(equals + 1).trim(), at: spec.at });
  }
  return pairs;
}
