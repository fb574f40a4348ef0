import type { CommandModule } from 'yargs';
import { logPath, LogTail, readLog } from '../../api/internal/logs.js';
import { UsageError } from '../../api/errors.js';
import { logsOf } from '../../api/process/local-host.js';
import { locationOptionsOf, type GlobalOptions } from '../global-options.js';
import { printLine, printNote } from '../output.js';
import { StopSignals } from '../stop-signals.js';

interface LogsOptions extends GlobalOptions {
  domain: string | undefined;
  follow: boolean;
  lines: number | undefined;
  since: string | undefined;
}

export const logsCommand: CommandModule<GlobalOptions, LogsOptions> = {
  command: 'logs [domain]',
  describe: 'print the log of a domain, running or not; without one, the log of the host',
  builder: (yargs) =>
    yargs
      .positional('domain', { type: 'string', describe: 'its name' })
      .option('follow', {
        alias: 'f',
        type: 'boolean',
        default: false,
        describe: 'follow the log, until stopped',
      })
      .option('lines', { alias: 'n', type: 'number', describe: 'only this many last lines' })
      .option('since', {
        type: 'string',
        describe: 'only lines since this time, such as 2026-11-23T08:00 or 15m, 2h, 3d ago',
      })
      .example('$0 logs web1 -f', 'follow the log of web1'),
  handler: async (options) => {
    const { lines, domain } = options;
    if (lines !== undefined && !(Number.isInteger(lines) && lines >= 0)) {
      throw new UsageError('E_USAGE_LINES', `--lines ${lines}: a whole number is needed`);
    }
    const { dir, count } = logsOf(locationOptionsOf(options));
    const path = logPath(dir, domain);
    const since = options.since === undefined ? undefined : sinceOf(options.since, Date.now());
    using stop = new StopSignals();
    const tail = options.follow ? new LogTail(path) : undefined;
    const there = readLog(path, count, { lines, since, upTo: tail?.begin });
    for (const line of there) printLine(line);
    if (there.length === 0 && tail === undefined) printNote(`nothing in ${path}`);
    for await (const line of tail?.follow(stop.cancel) ?? []) printLine(line);
  },
};

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time, or how long ago, in ms since the epoch. @throws UsageError `E_USAGE_SINCE` */
function sinceOf(text: string, now: number): number {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS];
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new UsageError('E_USAGE_SINCE', `--since ${text}: neither a time nor how long ago`, {
    hint: 'For example 2026-11-23T08:00:00Z, or 15m.',
  });
}
