import { TunnelError } from '../../errors/errors.js';
import { splitSshWords } from './ssh-words.js';

/** One line of an ssh configuration with a setting. */
export interface ConfigLine {
  readonly lineNumber: number;
  /** Lower case: keywords know no case. */
  readonly keyword: string;
  /** The keyword as it is written. */
  readonly name: string;
  readonly words: readonly string[];
}

/** A configuration file with its path. */
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

/** A keyword, perhaps in quotes, and the separator before its arguments: blanks and at most one `=`. */
const KEYWORD = /^(?:"([^"]+)"|([^\s="]+))\s*=?\s*/;

/**
 * The lines of an ssh configuration: keyword, then arguments, apart by blanks or one `=`, as `splitSshWords` takes them apart
 * (ssh_config(5)).
 * @throws TunnelError `E_TUNNEL_SSH_CONFIG` for a quote without end or a keyword without argument
 */
export function* configLines(source: ConfigSource): Generator<ConfigLine> {
  let lineNumber = 0;
  for (const raw of source.text.split('\n')) {
    lineNumber += 1;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const found = KEYWORD.exec(line);
    const keyword = found?.at(1) ?? found?.at(2);
    if (found === null || keyword === undefined) throw configError(source.path, lineNumber, 'a keyword is missing');
    const words = splitSshWords(line.slice(found[0].length));
    if (words === undefined) throw configError(source.path, lineNumber, `${keyword}: a quote has no end`);
    if (words.length === 0) throw configError(source.path, lineNumber, `${keyword}: an argument is missing`);
    yield { lineNumber, keyword: keyword.toLowerCase(), name: keyword, words };
  }
}
