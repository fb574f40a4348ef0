import { z } from 'zod';
import { isPrintable, MAX_SHOWN_CHARS, printable } from './printable.js';

/**
 * A text of a peer or an agent that people may come to read: refused where it is too long, made printable where it is not. The one type
 * for such fields, of every message in both directions.
 * @param maxChars UTF-16 units on the wire; escapes may make what is read longer
 */
export function printableText(maxChars = MAX_SHOWN_CHARS) {
  return z.string().max(maxChars).transform(printable);
}

/** A name that things are found by: refused where it holds what is not shown, as an escaped one would be another name. */
export function printableName(maxChars: number) {
  return z.string().max(maxChars).refine(isPrintable, 'holds characters that are not shown');
}
