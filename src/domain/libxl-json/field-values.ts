import { otherBackend } from '../backend-domain.js';
import type { ReadConfig } from './schema.js';

/** What a value is held against beyond itself. */
export interface AroundField {
  readonly b_info: Pick<ReadConfig['b_info'], 'max_vcpus' | 'max_memkb'>;
}

/** Whether a value of libxl's JSON may pass. */
export type Passes = (value: unknown, around: AroundField) => boolean;

/** Nothing, or an empty text, list or object: libxl reads these as left out. */
export const isAbsent: Passes = (value) =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Off, in any of the ways in which libxl writes it; its own choice is off for all that this is used for. */
export const isFalse: Passes = (value) =>
  isAbsent(value, NOTHING) || value === false || value === 0 || value === 'False' || value === '<default>';

const NOTHING: AroundField = { b_info: { max_vcpus: 0, max_memkb: 0 } };

/** One of these texts, in any case of letters, or nothing. */
export function isOneOf(...values: readonly string[]): Passes {
  return (value) =>
    isAbsent(value, NOTHING) ||
    (typeof value === 'string' && values.some((one) => one.toLowerCase() === value.toLowerCase()));
}

/** A whole number up to this, or libxl's mark for a size that it has yet to choose. */
export function isUpTo(most: number): Passes {
  return (value) =>
    isAbsent(value, NOTHING) ||
    value === MEMKB_DEFAULT ||
    (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most);
}

/** LIBXL_MEMKB_DEFAULT of libxl.h, ~0 in 64 bits. */
const MEMKB_DEFAULT = 0xffff_ffff_ffff_ffffn;

/** A text of this form, or nothing. */
export function matches(pattern: RegExp): Passes {
  return (value) => isAbsent(value, NOTHING) || (typeof value === 'string' && pattern.test(value));
}

/** No domain, or this host itself. */
export const isThisHost: Passes = (value) =>
  isAbsent(value, NOTHING) || (typeof value === 'string' && otherBackend(value) === undefined);
