import { z } from './zod.js';
import { isPrintable, MAX_SHOWN_CHARS, printable } from './printable.js';

/**
 * A text from a peer or an agent that may be shown to people: refused if it is too long, else made printable. The one
 * type for such fields, in every message in both directions.
 * @param maxChars UTF-16 units on the wire; escapes may make the result longer
 */
export function printableText(maxChars = MAX_SHOWN_CHARS) {
  return z.string().max(maxChars).transform(printable);
}

/**
 * A name that is looked up: refused if it contains invisible characters, since an escaped name would be another name.
 */
export function printableName(maxChars: number) {
  return z.string().max(maxChars).refine(isPrintable, 'contains characters that are not shown');
}
