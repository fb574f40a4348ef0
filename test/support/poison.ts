/** Texts that act on a terminal, a log or a reader instead of being shown: a few of each kind, and 64 KiB of each. */
const KINDS: Readonly<Record<string, string>> = {
  'an escape sequence': '\u001b[2J\u001b]0;owned\u0007',
  'C1 controls': '\u009b2J\u0090',
  'DEL and backspaces': 'good\u007f\b\b\b\bbad',
  'line feeds': '\n2026-11-28T00:00:00.000Z SIGHUP: certificates read again\r\n',
  'right-to-left marks': '\u202egpj.exe\u202c\u2066\u2069\u200f\u200e\u061c',
  'line separators': '\u2028\u2029\u0085',
  'zero-width characters': 'a\u200bb\u200cc\u200dd\ufeffe\u2060',
  'lone surrogates': '\ud800x\udc00',
  'what a font leaves out': '\u115f\u3164\u00ad\u{e0041}',
};

const LONG = 64 * 1024;

export const POISONS: readonly (readonly [what: string, text: string])[] = Object.entries(KINDS).flatMap(
  ([what, text]) => [
    [what, `x${text}y`] as const,
    [`64 KiB of ${what}`, text.repeat(Math.ceil(LONG / text.length))] as const,
  ],
);

/** One short text with all of them in it. */
export const POISON = `x${Object.values(KINDS).join('')}y`;

/** What is in a text that a reader would not see, or a terminal would act upon; line feeds are ours to write. */
export function unseenIn(text: string): string[] {
  // Written out here, so that a mistake in the source's own pattern shows.
  const unseen =
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]/gu;
  return [...new Set(text.match(unseen) ?? [])].map((char) => `U+${char.codePointAt(0)?.toString(16) ?? ''}`);
}

/** Every string in a value, keys of objects included. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [...(Array.isArray(value) ? [] : [key]), ...stringsIn(inner)]);
}
