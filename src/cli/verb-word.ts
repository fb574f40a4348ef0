/** Global options whose value is the next word. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  '-c',
  '--connect',
  '--state-dir',
  '--stateDir',
  '--config-file',
  '--configFile',
  '--deadline',
]);

/** The first argument that is neither an option nor an option's value: the verb, if it is one. */
export function verbWordOf(words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (WITH_VALUE.has(word)) index += 1;
    else if (!word.startsWith('-')) return word;
  }
  return undefined;
}
