import type { CommandModule } from 'yargs';
import { restoreDomain, saveDomain } from '../../api/saving.js';
import { isOpenAs } from '../../api/internal/user-files.js';
import { flag, forceLeaseFlag, readUserXml } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine, printNote } from '../output.js';
import { Progress, PROGRESS_STYLES, progressStyle } from '../progress.js';
import { StopSignals } from '../stop-signals.js';

const STDOUT = 1;

type SaveOptions = GlobalOptions & {
  domain: string;
  file: string;
  checkpoint: boolean;
  unpause: boolean;
  progress: (typeof PROGRESS_STYLES)[number];
};

export const saveCommand: CommandModule<GlobalOptions, SaveOptions> = {
  command: 'save <domain> <file>',
  describe: 'write a running domain to a file and end it',
  builder: (yargs) =>
    yargs
      .positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' })
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'file, pipe or block device to write; on Xen also what xl restore reads',
      })
      .option('checkpoint', { alias: 'C', type: 'boolean', default: false, describe: 'leave the domain running' })
      .option('unpause', flag('let a paused domain run until it has suspended itself'))
      .option('progress', {
        choices: PROGRESS_STYLES,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .example('$0 save web1 /var/tmp/web1.save', 'the file is complete or does not exist'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    using progress = new Progress(`saving ${options.domain}`, progressStyle(options));
    // On standard output, after the stream, the line would be a part of it.
    const say = isOpenAs(options.file, STDOUT) ? printNote : printLine;
    const { checkpoint, unpause } = options;
    const { name } = await saveDomain(host, options.domain, options.file, {
      checkpoint,
      unpause,
      signal: stop.cancel,
      onEvent: progress.take,
    });
    say(`Domain ${name} saved to ${options.file}${checkpoint ? '; it continues to run' : ''}`);
  },
};

type RestoreOptions = GlobalOptions & {
  file: string;
  xml?: string | undefined;
  paused: boolean;
  'force-lease': boolean;
  progress: (typeof PROGRESS_STYLES)[number];
};

export const restoreCommand: CommandModule<GlobalOptions, RestoreOptions> = {
  command: 'restore <file>',
  describe: 'make a domain from a save file',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'written by xenferry save, or a bare libxl stream; also gzip, xz or zstd, or a pipe; - for stdin',
      })
      // With it, yargs takes a lone dash as a value.
      .nargs('file', 1)
      .option('xml', { type: 'string', describe: 'domain XML to use instead of the one in the file' })
      .option('paused', { type: 'boolean', default: false, describe: 'leave it paused' })
      .option('force-lease', forceLeaseFlag)
      .option('progress', {
        choices: PROGRESS_STYLES,
        default: 'auto' as const,
        describe: 'how progress is shown, on stderr',
      })
      .example('$0 restore /var/tmp/web1.save', 'it continues where it was saved'),
  handler: async (options) => {
    const xml = options.xml === undefined ? undefined : readUserXml(options.xml);
    await using host = await openHost(options);
    using stop = new StopSignals();
    using progress = new Progress(`restoring ${options.file}`, progressStyle(options));
    const info = await restoreDomain(host, options.file, {
      xml,
      paused: options.paused,
      forceLease: options['force-lease'],
      signal: stop.cancel,
      onEvent: progress.take,
    });
    printLine(`Domain ${info.name} restored from ${options.file}, id ${info.id}, ${info.state}`);
  },
};
