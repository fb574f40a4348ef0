import { cInteger, decimalInteger, octalTrouble } from '../native/c-numbers.js';
import { badConfig, type CfgFile, type CfgValue, type Place } from './syntax.js';

/** A text of the file with its place, for errors. */
export interface Placed {
  readonly text: string;
  readonly at: Place;
}

const MAX_NUMBER = 2 ** 53 - 1;

function within(spec: Placed, value: number | undefined, name: string, min: number, max: number, why?: string): number {
  if (value !== undefined && value >= min && value <= max) return value;
  const reason = why === undefined ? '' : `: ${why}`;
  throw badConfig(spec.at, `${name}: ${JSON.stringify(spec.text)} is not a number from ${min} to ${max}${reason}`);
}

/** A setting's number: decimal, hexadecimal after `0x`, octal after `0`; a sign only in quotes. */
export function numberOf(spec: Placed, name: string, min: number, max: number): number {
  return within(spec, cInteger(spec.text), name, min, max, octalTrouble(spec.text));
}

/** A number within a device, which is always decimal. */
export function decimalOf(spec: Placed, name: string, min: number, max: number): number {
  return within(spec, decimalInteger(spec.text), name, min, max);
}

/** One of `values`. @throws UsageError `E_USAGE_XL_CONFIG` */
export function oneOf<T extends string>({ text, at }: Placed, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found === undefined) throw badConfig(at, `${name}: ${JSON.stringify(text)} is not one of ${values.join(', ')}`);
  return found;
}

/** The settings of a file, which are read one by one; settings that were not read are reported at the end. */
export class Settings {
  readonly #asked = new Set<string>();
  readonly #warnings: string[] = [];

  constructor(private readonly file: CfgFile) {}

  has(name: string): boolean {
    return this.file.has(name);
  }

  /** Adds a warning about a setting that the definition does not express. */
  readonly warn = (at: Place, text: string): void => {
    this.#warnings.push(`line ${at.line}: ${text}`);
  };

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** A text or a number; undefined if it is not set. */
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

  /** 0 is no, any other number yes; undefined leaves the choice to libxl. */
  flag(name: string): boolean | undefined {
    const value = this.number(name, -MAX_NUMBER);
    return value === undefined ? undefined : value !== 0;
  }

  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : oneOf(value, name, values);
  }

  /** The strings of a list; empty if it is not set. */
  list(name: string): Placed[] {
    const value = this.#get(name);
    if (value === undefined) return [];
    if (value.kind !== 'list') throw badConfig(value.at, `${name} must be a list: ["…"]`);
    return value.items.map((item) => textOf(item, name));
  }

  /** A list of strings, or a single string. */
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

  /** A string, or the strings of a list. */
  value(name: string): string | readonly string[] | undefined {
    const { isList, all } = this.textOrList(name);
    const texts = all.map(({ text }) => text);
    return isList ? texts : texts.at(0);
  }

  isAsked(name: string): boolean {
    return this.#asked.has(name);
  }

  /** Each key with its place. */
  keys(): (readonly [string, Place])[] {
    return [...this.file].map(([name, { at }]) => [name, at] as const);
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

/** `key=value,key=value`, the form of most devices; a word alone has the value ''. */
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
