import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { checkConfig } from '../../api/internal/config-check.js';
import { UsageError } from '../../api/errors.js';
import { configFile, configText } from '../../api/process/config-file.js';
import { jsonOption, type JsonOptions } from '../domain-options.js';
import type { GlobalOptions } from '../open.js';
import { printJson, printLine, printNote } from '../output.js';

type CheckOptions = JsonOptions & { file?: string | undefined };

export const configCheckCommand: CommandModule<GlobalOptions, CheckOptions> = {
  command: 'config-check [file]',
  describe: 'report all errors in a configuration file',
  builder: (yargs) =>
    jsonOption(
      yargs.positional('file', { type: 'string', describe: 'default: the file that the other verbs read' }),
    ).example('$0 config-check /etc/xenferry/xenferry.conf', 'exit code 0, or 2 and each error with its line'),
  handler: (options) => {
    const from = configFile(options.file === undefined ? options : { configFile: resolve(options.file) });
    const { file } = from;
    const text = configText(from);
    const { mistakes, warnings } = text === undefined ? { mistakes: [], warnings: [] } : checkConfig(text, file);
    if (options.json) {
      printJson({
        file,
        exists: text !== undefined,
        mistakes: mistakes.map(({ message, hint, data }) => ({ line: data.line ?? null, message, hint: hint ?? null })),
        warnings,
      });
    } else {
      for (const { message } of mistakes.slice(1)) printNote(message);
      for (const warning of warnings) printNote(`warning: ${warning}`);
      if (mistakes.length === 0) {
        printLine(text === undefined ? `${file}: not there, so the defaults hold` : `${file}: no mistakes`);
      }
    }
    if (mistakes.length === 0) return;
    const [{ message, hint }] = mistakes;
    const more = mistakes.length === 1 ? '' : ` (the first of ${mistakes.length} mistakes)`;
    throw new UsageError('E_USAGE_CONFIG', `${message}${more}`, { hint, data: { file, mistakes: mistakes.length } });
  },
};
