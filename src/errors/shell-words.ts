import { InvariantError } from './errors.js';
import { isPrintable } from './printable.js';

/** One word for a POSIX shell, quoted if necessary (POSIX.1-2017, Shell Command Language, 2.2.2). */
export function shellWord(word: string): string {
  if (word.includes('\0')) throw new InvariantError('a NUL cannot be part of a command');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * One word of a command that a person is to paste: invisible characters are written as octal bytes in `$'…'`
 * (POSIX.1-2024, 2.2.4), so that the line can be read before it is run.
 */
export function pastedWord(word: string): string {
  if (isPrintable(word)) return shellWord(word);
  const bytes = [...Buffer.from(word)].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, '0')}`,
  );
  return `$'${bytes.join('')}'`;
}

/**
 * A command of xenferry, for a hint.
 * @param verb the verb with its options, as they are
 * @param args operands such as a domain's name: quoted, and never taken for an option
 */
export function ownCommand(verb: string, ...args: readonly string[]): string {
  const ends = args.some((arg) => arg.startsWith('-')) ? ['--'] : [];
  return ['xenferry', verb, ...ends, ...args.map(pastedWord)].join(' ');
}
