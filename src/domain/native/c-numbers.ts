/*
 * Numbers as xl parses them. Top-level settings go through `strtol` with base 0 (libxlu_cfg.c), so that a leading 0
 * means octal; within a device they go through `atoi` or base 10 (xl_parse.c), where it has no meaning.
 */

const C_INTEGER = /^[ \t\n\v\f\r]{0,16}([+-]?)(?:0x([0-9a-f]{1,13})|0([0-7]{0,17})|([1-9]\d{0,15}))$/i;

/** The whole text, parsed as by `strtol` with base 0; undefined if characters remain, such as the 8 of `08`. */
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

/** The whole text in base 10; leading zeros are ignored. */
export function decimalInteger(text: string): number | undefined {
  return /^[ \t]{0,16}[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The reason why xl does not accept a text that looks like a number; undefined if there is none. */
export function octalTrouble(text: string): string | undefined {
  return /^\s{0,16}[+-]?0\d{1,20}$/.test(text) ? 'the leading 0 makes it octal, which has no 8 and no 9' : undefined;
}
