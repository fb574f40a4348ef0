/** No argument contains this character (execve(2)). */
const MARK = '\0';

/**
 * The arguments, with those after `--` marked as operands: yargs does not accept a positional argument that begins with a dash.
 * `unmarked` removes the marks from the parsed options.
 */
export function markedBehindDashes(words: readonly string[]): string[] {
  const at = words.indexOf('--');
  if (at < 0) return [...words];
  const behind = words.slice(at + 1).map((word) => (word.startsWith('-') ? MARK + word : word));
  return [...words.slice(0, at), ...behind];
}

/** The options without the marks. */
export function unmarked<T extends object>(options: T): T {
  const without = (value: unknown): unknown => {
    if (typeof value === 'string' && value.startsWith(MARK)) return value.slice(MARK.length);
    return Array.isArray(value) ? value.map(without) : value;
  };
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, without(value)])) as T;
}
