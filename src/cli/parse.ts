import process from 'node:process';
import yargs from 'yargs';
import { UsageError } from '../errors/errors.js';
import { loadVerbs, verbOf } from './verbs.js';
import { ownVersion } from './version.js';

/** Leaves yargs with what is to be run. */
class VerbChosen extends Error {
  constructor(
    readonly options: unknown,
    readonly run: () => unknown,
  ) {
    super('a verb is chosen');
  }
}

/** What the words ask for, not yet begun; undefined where yargs has answered them itself. */
export async function chosenVerb(words: readonly string[]): Promise<(() => unknown) | undefined> {
  const answering = parser(words, await choosingVerbs(words))
    .completion('completion', 'print a completion script for your shell')
    .version(ownVersion())
    .help()
    .alias('help', 'h');
  return (await chosenBy(answering))?.run;
}

/**
 * The options of a `migrate`, as its own process would read them; undefined where the words are anything else, or wrong: whoever has them
 * then reads them himself, and says so. Prints nothing.
 */
export async function migrateOptionsOf(words: readonly string[]): Promise<unknown> {
  if (verbOf(words) !== 'migrate') return undefined;
  const silent = parser(words, await choosingVerbs(words))
    .help(false)
    .version(false);
  return (await chosenBy(silent).catch(() => undefined))?.options;
}

type Verbs = Awaited<ReturnType<typeof loadVerbs>>;

/** Handlers run behind yargs, not in it: once one has returned, yargs renders the whole help, needed or not. */
async function choosingVerbs(words: readonly string[]): Promise<Verbs> {
  return (await loadVerbs(words)).map(({ handler, ...verb }) => ({
    ...verb,
    handler: (argv: Parameters<typeof handler>[0]): void => {
      throw new VerbChosen(argv, () => handler(argv));
    },
  }));
}

async function chosenBy(asked: ReturnType<typeof parser>): Promise<VerbChosen | undefined> {
  try {
    await asked.parseAsync();
    return undefined;
  } catch (error) {
    if (error instanceof VerbChosen) return error;
    throw error;
  }
}

function parser(words: readonly string[], verbs: Verbs): ReturnType<typeof yargs> {
  return yargs([...words])
    .scriptName('xenferry')
    .usage('$0 VERB [OPTIONS]\n\nMoves running Xen domains between hosts through one encrypted tunnel.')
    .option('connect', { alias: 'c', type: 'string', global: true, describe: 'xen:///system or embedded:///FOLDER' })
    .option('state-dir', { type: 'string', global: true, describe: 'folder of journals and job locks' })
    .option('config-file', { type: 'string', global: true, describe: 'in place of /etc/xenferry/xenferry.conf' })
    .option('deadline', {
      type: 'string',
      array: true,
      nargs: 1,
      global: true,
      describe: 'change how long something may take: NAME=SECONDS',
    })
    .command(verbs)
    .middleware(refuseRepeated)
    .demandCommand(1, 'Name a verb.')
    .strict()
    .recommendCommands()
    .wrap(Math.min(100, process.stdout.columns || 100))
    .epilogue('Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 not running, 5 in doubt, 70 bug, 130 cancelled.')
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      // What yargs finds by itself it tells now as a message, now as an error of its own.
      const own = error as Error | undefined;
      if (own !== undefined && own.name !== 'YError') throw own;
      throw new UsageError('E_USAGE_ARGUMENTS', own?.message ?? message, {
        hint: 'See `xenferry --help`, or `xenferry VERB --help`.',
      });
    });
}

/** Options that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['_', 'deadline', 'host', 'allow', 'to', 'exclude', 'set']);

/** yargs makes a list of an option that is given twice; none of ours expects one. */
function refuseRepeated(argv: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(argv)) {
    if (!Array.isArray(value) || REPEATABLE.has(name)) continue;
    throw new UsageError('E_USAGE_REPEATED', `--${name} is given ${value.length} times`, { hint: 'Give it once.' });
  }
}
