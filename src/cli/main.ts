import { XenferryError, codeOf, messageOf } from '../api/errors.js';
import { noteColours } from './colours.js';
import { argvParsedByDaemon } from './daemon/remote-argv.js';
import { forwardedToDaemon } from './daemon/forward-to-daemon.js';
import { exitCodeOf } from './exit.js';
import { printNote } from './output.js';
import { takeExitCode } from './result.js';
import { StopSignals } from './stop-signals.js';

/** Parses the arguments after `xenferry`, runs one verb, and resolves to the exit code. Never rejects. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const run = await chosenVerb(words);
    await run?.();
    return takeExitCode();
  } catch (error) {
    printError(error);
    return exitCodeOf(error);
  }
}

/** Parsing the arguments is most of what a client of a daemon would do on a slow host, and a daemon has the parser loaded. */
async function chosenVerb(words: readonly string[]): Promise<(() => unknown) | undefined> {
  if (words.length === 1 && words[0] === 'receive' && (await forwardedAtOnce())) return undefined;
  const options = words[0] === 'migrate' ? await argvParsedByDaemon(words) : undefined;
  if (options === undefined) return (await import('./choose-verb.js')).chosenVerb(words);
  const { migrateCommand } = await import('./commands/migrate.js');
  return () => migrateCommand.handler(options as Parameters<typeof migrateCommand.handler>[0]);
}

/** Between two hosts with daemons, this process only passes bytes on, and the guest's host waits for it. */
async function forwardedAtOnce(): Promise<boolean> {
  using stop = new StopSignals();
  return await forwardedToDaemon({}, stop.cancel);
}

function printError(error: unknown): void {
  const code = codeOf(error);
  printNote({ text: 'error', paint: noteColours.red }, ` ${code}: ${messageOf(error)}`);
  if (error instanceof XenferryError) {
    if (error.hint !== undefined) printNote(`  ${error.hint}`);
    return;
  }
  printNote('  This is an error in xenferry itself. Please report it with the following lines.');
  if (error instanceof Error) for (const line of error.stack?.split('\n') ?? []) printNote(line);
}
