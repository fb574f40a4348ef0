import { cInteger } from '../native/c-numbers.js';
import type { Json, JsonObject } from './json.js';

/** A setting, as in an xl configuration file. */
export type SettingValue = string | readonly string[];
type Fields = Readonly<Record<string, unknown>>;

/** The form of one setting in an object of libxl's JSON. */
export interface FieldCodec {
  /** The fields of the object that belong to it. */
  readonly fields: readonly string[];
  /** What a value may be, for errors: `is not …`. */
  readonly says: string;
  /** Undefined if the value is invalid. */
  readonly put: (value: SettingValue) => JsonObject | undefined;
  /** Undefined if the object does not contain it, or contains libxl's default. */
  readonly take: (fields: Fields) => SettingValue | undefined;
}

/** Longest setting, and longest list. */
const MAX_TEXT = 4096;
const MAX_ITEMS = 1024;

const integerOf = (value: SettingValue): number | undefined =>
  typeof value === 'string' ? cInteger(value) : undefined;

/** @param usual libxl's default, if it is fixed; it is not shown */
export function defboolField(field: string, usual?: boolean): FieldCodec {
  return {
    fields: [field],
    says: '0 or 1',
    put: (value) => {
      const number = integerOf(value);
      return number === undefined ? undefined : { [field]: number === 0 ? 'False' : 'True' };
    },
    take: ({ [field]: json }) => {
      // libxl writes a string; a configuration that was parsed has a boolean.
      const is = json === 'True' || (json === 'False' ? false : json);
      if (typeof is !== 'boolean') return undefined;
      return is === usual ? undefined : is ? '1' : '0';
    },
  };
}

/** A boolean of JSON, which is false if absent. */
export function booleanField(field: string): FieldCodec {
  return {
    fields: [field],
    says: '0 or 1',
    put: (value) => {
      const number = integerOf(value);
      return number === undefined ? undefined : { [field]: number !== 0 };
    },
    take: ({ [field]: json }) => (json === true ? '1' : undefined),
  };
}

/** Form of a number. */
export interface IntegerForm {
  readonly min: number;
  readonly max: number;
  /** Factor from the file's unit to the JSON's: 1024 for MiB. */
  readonly scale?: number;
  /** Values that equal the default. */
  readonly usual?: readonly number[];
}

/** A number. @param field its name in the JSON */
export function integerField(field: string, { min, max, scale = 1, usual = [0] }: IntegerForm): FieldCodec {
  return {
    fields: [field],
    says: `a number from ${min} to ${max}`,
    put: (value) => {
      const number = integerOf(value);
      return number === undefined || number < min || number > max ? undefined : { [field]: number * scale };
    },
    take: ({ [field]: json }) => {
      if (typeof json !== 'number' || !Number.isSafeInteger(json) || usual.includes(json)) return undefined;
      const number = Math.ceil(json / scale);
      return number < min || number > max ? undefined : String(number);
    },
  };
}

/** A text. @param field its name in the JSON */
export function textField(field: string): FieldCodec {
  return {
    fields: [field],
    says: `a text of up to ${MAX_TEXT} characters`,
    put: (value) => (typeof value === 'string' && value.length <= MAX_TEXT ? { [field]: value } : undefined),
    take: ({ [field]: json }) =>
      typeof json === 'string' && json !== '' && json.length <= MAX_TEXT ? json : undefined,
  };
}

/**
 * One of `names`, which the file may give as numbers, by their index.
 * @param usual libxl's default
 */
export function choiceField(
  field: string,
  names: readonly string[],
  usual?: string,
  { numbered = false }: { readonly numbered?: boolean } = {},
): FieldCodec {
  return {
    fields: [field],
    says: `one of ${names.join(', ')}`,
    put: (value) => {
      if (typeof value !== 'string') return undefined;
      const number = numbered ? cInteger(value) : undefined;
      const name = number === undefined ? names.find((one) => one === value) : names.at(number);
      return name === undefined || (number ?? 0) < 0 ? undefined : { [field]: name };
    },
    take: ({ [field]: json }) => {
      const name = typeof json === 'string' ? json.toLowerCase() : undefined;
      return name === usual ? undefined : names.find((one) => one === name);
    },
  };
}

/** A list of strings. */
export function textsField(field: string): FieldCodec {
  const isList = (value: unknown): value is readonly string[] =>
    Array.isArray(value) &&
    value.length <= MAX_ITEMS &&
    value.every((one) => typeof one === 'string' && one.length <= MAX_TEXT);
  return {
    fields: [field],
    says: 'a list of texts',
    put: (value) => {
      const list = typeof value === 'string' ? [value] : value;
      return isList(list) ? { [field]: list } : undefined;
    },
    take: ({ [field]: json }) => (isList(json) && json.length > 0 ? json : undefined),
  };
}

/** The objects merged, recursively. */
export function merged(first: JsonObject, second: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...first };
  for (const [name, value] of Object.entries(second)) {
    const before = result[name];
    result[name] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && !Array.isArray(json);
}

/** The value as an object; empty if it is not one. */
export function recordOf(json: unknown): Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Fields) : {};
}
