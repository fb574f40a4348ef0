import { TunnelError } from '../../errors/errors.js';

/** One line of an ssh configuration that says something. */
export interface ConfigLine {
  readonly lineNumber: number;
  /** Lower case: keywords know no case. */
  readonly keyword: string;
  readonly words: readonly string[];
}

/** A configuration file and where it came from. */
export interface ConfigSource {
  readonly path: string;
  readonly text: string;
}

/** A configuration that cannot be used; names file and line. */
export function configError(path: string, lineNumber: number, problem: string): TunnelError {
  return new TunnelError('E_TUNNEL_SSH_CONFIG', `${path}:${lineNumber}: ${problem}`, {
    hint: 'Correct that line; `ssh -G HOST` shows how OpenSSH reads the file.',
    data: { path, line: lineNumber },
  });
}

/**
 * The lines of an ssh configuration: keyword, then arguments, apart by blanks or one `=`; arguments
 * with blanks in double quotes; `#` begins a comment (ssh_config(5)).
 * @throws TunnelError `E_TUNNEL_SSH_CONFIG` for a quote without end or a keyword without argument
 */
export function* configLines(source: ConfigSource): Generator<ConfigLine> {
  let lineNumber = 0;
  for (const raw of source.text.split('\n')) {
    lineNumber += 1;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const keyword = /^[A-Za-z0-9]+/.exec(line)?.[0];
    if (keyword === undefined) throw configError(source.path, lineNumber, 'a keyword is missing');
    const rest = line.slice(keyword.length).replace(/^\s*=?\s*/, '');
    const words = splitWords(rest);
    if (words === undefined) throw configError(source.path, lineNumber, `${keyword}: a quote has no end`);
    if (words.length === 0) throw configError(source.path, lineNumber, `${keyword}: an argument is missing`);
    yield { lineNumber, keyword: keyword.toLowerCase(), words };
  }
}

/** The words of a line; undefined where a quote is not closed. */
function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    if (text[at] === '#') break;
    let word = '';
    let quoted = false;
    for (; at < text.length; at += 1) {
      const char = text.charAt(at);
      if (char === '"') quoted = !quoted;
      else if (!quoted && /\s/.test(char)) break;
      else word += char;
    }
    if (quoted) return undefined;
    words.push(word);
  }
  return words;
}
