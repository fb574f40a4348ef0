/**
 * Characters that a terminal, a log or a reader interprets instead of showing: controls (C0, DEL, C1), format
 * characters (zero-width and bidirectional ones among them), line and paragraph separators, lone surrogates, and all
 * others that Unicode allows a font to leave out.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
/** The same without line feeds and tabs, which format a document. */
const UNPRINTABLE_IN_DOCUMENT = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
const BLANKS = /[\t\n\v\f\r]+/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Longest text of one field, in UTF-16 units: a longer text is cut and ends with an ellipsis. */
export const MAX_SHOWN_CHARS = 4096;

/** A character as JSON and JavaScript write it: `\n`, `\u202e`; beyond the basic plane a pair of them. */
function escaped(char: string): string {
  return SHORT[char] ?? Array.from({ length: char.length }, (_, at) => unit(char.charCodeAt(at))).join('');
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Whether a text consists of visible characters, on one line. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) === -1;
}

/**
 * Foreign text on one line, with every character that would be interpreted instead of shown written as an escape: ESC
 * becomes `\u001b`, a line feed `\n`. Applied to JSON, the result is the same JSON.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** Printable text of several lines: as `printable`, but line feeds and tabs stay. */
export function printableDocument(text: string): string {
  return text.replace(UNPRINTABLE_IN_DOCUMENT, escaped);
}

/** Printable text for a one-line record: a run of line feeds and tabs becomes a blank, the rest is escaped. */
export function printableLine(text: string): string {
  return printable(text.replace(BLANKS, ' '));
}

/** A printable text of bounded length. */
export function bounded(text: string, maxChars = MAX_SHOWN_CHARS): string {
  // Escapes only make it longer: the part beyond the bound need not be scanned.
  const shown = printable(text.length > maxChars ? text.slice(0, maxChars + 1) : text);
  if (shown.length <= maxChars) return shown;
  return `${shown.slice(0, maxChars - 1).replace(CUT, '')}…`;
}

/** Half of a character, or of an escape, at the end of a text that was cut. */
const CUT = /(?:[\ud800-\udbff]|\\(?:u[0-9a-f]{0,3})?)$/;

/** A value as one line of JSON in which every character is visible. A JSON parser reads the same value. */
export function printableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, undefined, indent);
  return indent === undefined ? printable(json) : printableDocument(json);
}
