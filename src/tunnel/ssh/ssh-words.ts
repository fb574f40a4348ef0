/** OpenSSH's WHITESPACE and a form feed, which ends a line as well (readconf.c). */
const BLANK = /[ \t\r\f]/;
const ESCAPABLE = new Set(['"', "'", '\\']);

/**
 * The words of a line, as OpenSSH's argv_split takes them apart: by blanks; between quotes of either kind blanks belong to the word; a
 * backslash stands before a quote, another backslash and, outside quotes, a space, and for itself before anything else; a word that
 * begins with `#` begins a comment. Linear in time.
 * @returns undefined if a quote is not closed
 */
export function splitSshWords(text: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && BLANK.test(text.charAt(at))) at += 1;
    if (at >= text.length || text[at] === '#') return words;
    let word = '';
    let quote = '';
    for (; at < text.length; at += 1) {
      const char = text.charAt(at);
      const next = text.charAt(at + 1);
      if (char === '\\' && (ESCAPABLE.has(next) || (quote === '' && next === ' '))) {
        word += next;
        at += 1;
      } else if (quote === '' && BLANK.test(char)) break;
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      else word += char;
    }
    if (quote !== '') return undefined;
    words.push(word);
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** As OpenSSH's convtime, which counts in an int. */
const MOST_SECONDS = 2 ** 31 - 1;

/** Seconds of sshd_config(5), TIME FORMATS: `90`, `10m`, `1h30m`; undefined where the text is none. */
export function parseSshTime(text: string): number | undefined {
  if (!/^(?:\d+[smhdw])*(?:\d+[smhdw]?)$/i.test(text)) return undefined;
  let seconds = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(count) * (UNIT_SECONDS[unit.toLowerCase()] ?? Number.NaN);
  }
  return seconds <= MOST_SECONDS ? seconds : undefined;
}
