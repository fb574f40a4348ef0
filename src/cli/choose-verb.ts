import { nearest } from '../api/internal/nearest.js';
import { UsageError } from '../api/errors.js';
import { printDocument } from './output.js';
import { chosenBy, listedHelp, program } from './program.js';
import { loadVerbs, VERB_NAMES, verbOf } from './verbs.js';
import { verbWordOf } from './verb-word.js';
import { ownVersion } from '../api/process/version.js';

/** The verb that yargs itself handles. */
const COMPLETION = 'completion';
const ASKS_COMPLETIONS = '--get-yargs-completions';

/** The chosen verb, not started yet; undefined if yargs has handled the arguments itself. */
export async function chosenVerb(given: readonly string[]): Promise<(() => unknown) | undefined> {
  const words = withHelp(given);
  refuseUnknown(words);
  const verbs = await loadVerbs(words);
  const listsVerbs = asksForHelp(words) && verbOf(words) === undefined;
  const answering = program(listsVerbs ? [] : words, verbs, { listsVerbs })
    .completion(COMPLETION, 'print a completion script for your shell')
    .version(ownVersion())
    .help()
    .alias('help', 'h');
  if (!listsVerbs) return (await chosenBy(answering))?.run;
  printDocument(await listedHelp(answering, verbs));
  return undefined;
}

/** `help` and `help VERB` as `--help` and `VERB --help`. */
function withHelp(words: readonly string[]): readonly string[] {
  if (verbWordOf(words) !== 'help') return words;
  const at = words.indexOf('help');
  return [...words.slice(0, at), ...words.slice(at + 1), '--help'];
}

const asksForHelp = (words: readonly string[]): boolean => words.includes('--help') || words.includes('-h');

/** yargs treats an unknown verb as a surplus argument. @throws UsageError `E_USAGE_VERB` */
function refuseUnknown(words: readonly string[]): void {
  const word = verbWordOf(words);
  const isKnown = (one: string): boolean => one === COMPLETION || VERB_NAMES.includes(one);
  // A later verb may follow an option with a value.
  if (word === undefined || words.includes(ASKS_COMPLETIONS) || words.some(isKnown)) return;
  const near = nearest(word, VERB_NAMES, Math.floor(word.length / 2));
  throw new UsageError('E_USAGE_VERB', `there is no verb ${JSON.stringify(word)}`, {
    hint: `${near === undefined ? '' : `Did you mean \`${near}\`? `}\`xenferry --help\` lists the verbs.`,
  });
}
