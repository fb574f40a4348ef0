import { otherBackend } from '../backend-domain.js';
import type { ReadConfig } from './schema.js';

/** The context in which a value is checked. */
export interface AroundField {
  readonly b_info: Pick<ReadConfig['b_info'], 'max_vcpus' | 'max_memkb'>;
}

/** Whether a value of libxl's JSON is accepted. */
export type Passes = (value: unknown, around: AroundField) => boolean;

/** Nothing, or an empty text, list or object: libxl treats these as absent. */
export const isAbsent: Passes = (value) =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Off, in any form that libxl writes; the default of all fields that this is used for is off. */
export const isFalse: Passes = (value) =>
  isAbsent(value, NOTHING) || value === false || value === 0 || value === 'False' || value === '<default>';

const NOTHING: AroundField = { b_info: { max_vcpus: 0, max_memkb: 0 } };

/** One of these texts, in any case of letters, or absent. */
export function isOneOf(...values: readonly string[]): Passes {
  return (value) =>
    isAbsent(value, NOTHING) ||
    (typeof value === 'string' && values.some((one) => one.toLowerCase() === value.toLowerCase()));
}

/** A whole number up to this, or libxl's mark for a size to be chosen. */
export function isUpTo(most: number): Passes {
  return (value) =>
    isAbsent(value, NOTHING) ||
    value === MEMKB_DEFAULT ||
    (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most);
}

/** LIBXL_MEMKB_DEFAULT of libxl.h, ~0 in 64 bits. */
const MEMKB_DEFAULT = 0xffff_ffff_ffff_ffffn;

/** A text of this form, or absent. */
export function matches(pattern: RegExp): Passes {
  return (value) => isAbsent(value, NOTHING) || (typeof value === 'string' && pattern.test(value));
}

/** No domain, or this host itself. */
export const isThisHost: Passes = (value) =>
  isAbsent(value, NOTHING) || (typeof value === 'string' && otherBackend(value) === undefined);
