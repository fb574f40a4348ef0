import { cInteger } from '../native/c-numbers.js';
import type { Json, JsonObject } from './json.js';

/** A setting as a file of xl's has it. */
export type SettingValue = string | readonly string[];
type Fields = Readonly<Record<string, unknown>>;

/** How one setting stands in an object of libxl's JSON. */
export interface FieldCodec {
  /** The fields of the object that it speaks of. */
  readonly fields: readonly string[];
  /** What a value may be, for errors: `is not …`. */
  readonly says: string;
  /** Undefined where the value is none. */
  readonly put: (value: SettingValue) => JsonObject | undefined;
  /** Undefined where the object says nothing of it, or what libxl would choose by itself. */
  readonly take: (fields: Fields) => SettingValue | undefined;
}

/** No setting is longer, and no list. */
const MAX_TEXT = 4096;
const MAX_ITEMS = 1024;

const integerOf = (value: SettingValue): number | undefined =>
  typeof value === 'string' ? cInteger(value) : undefined;

/** @param usual what libxl chooses, where that is sure; it is not shown */
export function defboolField(field: string, usual?: boolean): FieldCodec {
  return {
    fields: [field],
    says: '0 or 1',
    put: (value) => {
      const number = integerOf(value);
      return number === undefined ? undefined : { [field]: number === 0 ? 'False' : 'True' };
    },
    take: ({ [field]: json }) => {
      // libxl writes a word; what was read already is a boolean.
      const is = json === 'True' || (json === 'False' ? false : json);
      if (typeof is !== 'boolean') return undefined;
      return is === usual ? undefined : is ? '1' : '0';
    },
  };
}

/** A boolean of JSON, which is false where it is left out. */
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

export interface IntegerForm {
  readonly min: number;
  readonly max: number;
  /** What one of the file's is in the JSON: 1024 for MiB. */
  readonly scale?: number;
  /** Values that say nothing. */
  readonly usual?: readonly number[];
}

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
 * One of `names`, which the file may number as libxl does: by their places.
 * @param usual what libxl chooses
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

/** The objects as one; where both have an object, those are one as well. */
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

export function recordOf(json: unknown): Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Fields) : {};
}
