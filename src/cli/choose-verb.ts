import { chosenBy, program } from './program.js';
import { loadVerbs } from './verbs.js';
import { ownVersion } from './version.js';

/** What the words ask for, not yet begun; undefined where yargs has answered them itself. */
export async function chosenVerb(words: readonly string[]): Promise<(() => unknown) | undefined> {
  const answering = program(words, await loadVerbs(words))
    .completion('completion', 'print a completion script for your shell')
    .version(ownVersion())
    .help()
    .alias('help', 'h');
  return (await chosenBy(answering))?.run;
}
