/*
 * Numbers as xl reads them. Top-level settings go through `strtol` with base 0 (libxlu_cfg.c), so that a leading 0 means
 * octal; within a device they go through `atoi` or base 10 (xl_parse.c), where it means nothing.
 */

const C_INTEGER = /^[ \t\n\v\f\r]{0,16}([+-]?)(?:0x([0-9a-f]{1,13})|0([0-7]{0,17})|([1-9]\d{0,15}))$/i;

/** The whole text as `strtol` with base 0 reads it; undefined where anything is left over, as the 8 of `08`. */
export function cInteger(text: string): number | undefined {
  const match = C_INTEGER.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, octal, decimal] = match as (string | undefined)[];
  const value =
    hex !== undefined
      ? Number.parseInt(hex, 16)
      : octal !== undefined
        ? Number.parseInt(`0${octal}`, 8)
        : Number(decimal);
  return sign === '-' && value !== 0 ? -value : value;
}

/** The whole text in base 10; leading zeros mean nothing. */
export function decimalInteger(text: string): number | undefined {
  return /^[ \t]{0,16}[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Why a text that looks like a number is none to xl; undefined where there is nothing special about it. */
export function octalTrouble(text: string): string | undefined {
  return /^\s{0,16}[+-]?0\d{1,20}$/.test(text) ? 'the leading 0 makes it octal, which has no 8 and no 9' : undefined;
}
