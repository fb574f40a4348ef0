import process from 'node:process';
import yargs from 'yargs';
import { UsageError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { noteColours } from './colours.js';
import { EXIT, exitCodeOf } from './exit.js';
import { printNote } from './output.js';
import { takeExitCode } from './result.js';
import { loadVerbs } from './verbs.js';
import { ownVersion } from './version.js';

/** Parses the words behind `xenferry`, runs one verb, and resolves to the exit code. Never rejects. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const verbs = await loadVerbs(words);
    const run = await chosenVerb(words, verbs);
    await run?.();
    return takeExitCode();
  } catch (error) {
    if (error instanceof HelpShown) return EXIT.done;
    printError(error);
    return exitCodeOf(error);
  }
}

/** yargs has printed what was asked for and would have ended the process. */
class HelpShown extends Error {}

/** Leaves yargs with what is to be run. */
class VerbChosen extends Error {
  constructor(readonly run: () => unknown) {
    super('a verb is chosen');
  }
}

/**
 * What the words ask for, not yet begun; undefined where yargs has answered them itself.
 * The handler runs behind yargs, not in it: once one has returned, yargs renders the whole help, needed or not.
 */
async function chosenVerb(
  words: readonly string[],
  verbs: Awaited<ReturnType<typeof loadVerbs>>,
): Promise<(() => unknown) | undefined> {
  const choosing = verbs.map(({ handler, ...verb }) => ({
    ...verb,
    handler: (argv: Parameters<typeof handler>[0]): void => {
      throw new VerbChosen(() => handler(argv));
    },
  }));
  try {
    await parser(words, choosing).parseAsync();
    return undefined;
  } catch (error) {
    if (error instanceof VerbChosen) return error.run;
    throw error;
  }
}

function parser(words: readonly string[], verbs: Awaited<ReturnType<typeof loadVerbs>>): ReturnType<typeof yargs> {
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
    .completion('completion', 'print a completion script for your shell')
    .middleware(refuseRepeated)
    .demandCommand(1, 'Name a verb.')
    .strict()
    .recommendCommands()
    .version(ownVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns || 100))
    .epilogue('Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 not running, 5 in doubt, 70 bug, 130 cancelled.')
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw (
        (error as Error | undefined) ??
        new UsageError('E_USAGE_ARGUMENTS', message, { hint: 'See `xenferry --help`, or `xenferry VERB --help`.' })
      );
    });
}

/** Options that may be given more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['_', 'deadline', 'host', 'allow']);

/** yargs makes a list of an option that is given twice; none of ours expects one. */
function refuseRepeated(argv: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(argv)) {
    if (!Array.isArray(value) || REPEATABLE.has(name)) continue;
    throw new UsageError('E_USAGE_REPEATED', `--${name} is given ${value.length} times`, { hint: 'Give it once.' });
  }
}

function printError(error: unknown): void {
  const code = codeOf(error);
  printNote(`${noteColours.red('error')} ${code}: ${messageOf(error)}`);
  if (error instanceof XenferryError) {
    if (error.hint !== undefined) printNote(`  ${error.hint}`);
    return;
  }
  printNote('  This is a mistake of xenferry itself. Please report it with what follows.');
  if (error instanceof Error && error.stack !== undefined) printNote(error.stack);
}
