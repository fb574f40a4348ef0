import { chosenBy, program, type Verb } from '../program.js';
import { verbWordOf } from '../verb-word.js';
import { migrateCommand } from './migrate.js';

/**
 * The options of a `migrate`, as its own process would parse them; undefined for other or invalid arguments: the client
 * then parses them itself and reports the error. Prints nothing.
 */
export async function migrateOptionsOf(words: readonly string[]): Promise<unknown> {
  if (verbWordOf(words) !== 'migrate') return undefined;
  const silent = program(words, [migrateCommand as Verb])
    .help(false)
    .version(false);
  return (await chosenBy(silent).catch(() => undefined))?.options;
}
