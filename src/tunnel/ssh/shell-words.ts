import { InvariantError } from '../../errors/errors.js';

/** One word for a POSIX shell, quoted where it has to be (POSIX.1-2017, Shell Command Language, 2.2.2). */
export function shellWord(word: string): string {
  if (word.includes('\0')) throw new InvariantError('a NUL cannot be part of a command');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
