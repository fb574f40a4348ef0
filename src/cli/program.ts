import process from 'node:process';
import yargs, { type CommandModule } from 'yargs';
import { UsageError } from '../api/errors.js';
import { markedBehindDashes, unmarked } from './dashes.js';
import type { GlobalOptions } from './global-options.js';
import { verbList, type Listed } from './verb-list.js';

/** A verb with its options. Their type is the verb's own. */
export type Verb = CommandModule<GlobalOptions, never>;

export type Program = ReturnType<typeof program>;

/** Thrown to leave yargs with the chosen verb. */
export class VerbChosen extends Error {
  constructor(
    readonly options: unknown,
    readonly run: () => unknown,
  ) {
    super('a verb is chosen');
  }
}

/** Parses the command line. Returns the chosen verb; undefined if help or the version was printed. Rejects with errors of usage. */
export async function chosenBy(asked: Program): Promise<VerbChosen | undefined> {
  try {
    await asked.parseAsync();
    return undefined;
  } catch (error) {
    if (error instanceof VerbChosen) return error;
    throw error;
  }
}

/** The width of the terminal, at most 100. */
const columns = (): number => Math.min(100, process.stdout.columns || 100);

const VERBS_HERE = 'VERBS';

/** The help of the whole program. Its verbs are in groups, which yargs does not support, and in columns, which it would remove. */
export async function listedHelp(answering: Program, verbs: readonly Verb[]): Promise<string> {
  const text = await answering.getHelp();
  return text.replace(`\n${VERBS_HERE}\n`, () => `\n${verbList(verbs.map(listed), columns())}\n`);
}

const USAGE = '$0 VERB [OPTIONS]\n\nMoves running Xen domains between hosts through one encrypted tunnel.';

/**
 * The options that every verb has, and the given verbs. A verb that is chosen does not run: `chosenBy` has it.
 * @param listsVerbs its help is for `listedHelp`
 */
export function program(
  words: readonly string[],
  verbs: readonly Verb[],
  { listsVerbs = false }: { readonly listsVerbs?: boolean } = {},
): ReturnType<typeof yargs> {
  return yargs(markedBehindDashes(words))
    .scriptName('xenferry')
    .usage(listsVerbs ? `${USAGE}\n\n${VERBS_HERE}` : USAGE)
    .option('connect', { alias: 'c', type: 'string', global: true, describe: 'xen:///system or embedded:///FOLDER' })
    .option('state-dir', { type: 'string', global: true, describe: 'folder of journals and job locks' })
    .option('config-file', { type: 'string', global: true, describe: 'instead of /etc/xenferry/xenferry.conf' })
    .option('deadline', {
      type: 'string',
      array: true,
      nargs: 1,
      global: true,
      describe: 'change how long something may take: NAME=SECONDS',
    })
    .command(verbs.map((verb) => (listsVerbs ? { ...choosing(verb), describe: false as const } : choosing(verb))))
    .middleware(refuseRepeated)
    .demandCommand(1, 'Name a verb.')
    .strict()
    .wrap(columns())
    .epilogue(
      'Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 not running, 5 in doubt, 6 partly done, 70 bug, 130 cancelled.',
    )
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      // yargs reports its own findings either as a message or as an error.
      const own = error as Error | undefined;
      if (own !== undefined && own.name !== 'YError') throw own;
      throw new UsageError('E_USAGE_ARGUMENTS', own?.message ?? message, {
        hint: 'See `xenferry --help`, or `xenferry VERB --help`.',
      });
    });
}

/** Options and arguments that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['_', 'deadline', 'host', 'allow', 'to', 'exclude', 'set', 'words']);

/** yargs makes a list of a repeated option, which no handler expects. */
function refuseRepeated(argv: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(argv)) {
    if (!Array.isArray(value) || REPEATABLE.has(name)) continue;
    throw new UsageError('E_USAGE_REPEATED', `--${name} is given ${value.length} times`, { hint: 'Give it once.' });
  }
}

/** Handlers run after yargs, not in it: once a handler has returned, yargs renders the whole help, needed or not. */
function choosing({ handler, ...verb }: Verb): Verb {
  return {
    ...verb,
    handler: (argv): void => {
      const options = unmarked(argv);
      throw new VerbChosen(options, () => handler(options));
    },
  };
}

function listed({ command, describe }: Verb): Listed {
  const name = [command ?? ''].flat()[0].split(' ', 1)[0];
  return { name, describe: typeof describe === 'string' ? describe : '' };
}
