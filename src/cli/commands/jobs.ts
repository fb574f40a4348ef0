import type { CommandModule } from 'yargs';
import { abortJob, jobInfo, type JobInfo } from '../../api/jobs.js';
import { ToolstackError } from '../../api/errors.js';
import { bytesText } from '../bytes-text.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type DomjobinfoOptions = GlobalOptions & { domain: string; completed: boolean; json: boolean };

export const domjobinfoCommand: CommandModule<GlobalOptions, DomjobinfoOptions> = {
  command: 'domjobinfo <domain>',
  describe: 'show the job of a domain and its progress',
  builder: (yargs) =>
    yargs
      .positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' })
      .option('completed', {
        type: 'boolean',
        default: false,
        describe: 'the last completed job instead, also of a domain that has left',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' })
      .example('$0 domjobinfo web1', 'phase, bytes, rate, passes over memory, expected downtime'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const info = await jobInfo(host, options.domain, { completed: options.completed, signal: stop.cancel });
    if (options.json) printJson(info);
    else for (const [label, value] of rowsOf(info)) printLine(`${`${label}:`.padEnd(20)}${value}`);
  },
};

/** With virsh's labels, if it has the figure. */
function rowsOf(info: JobInfo): [string, string][] {
  const rows: [string, string | undefined][] = [
    ['Job type', capital(info.type)],
    ['Operation', info.operation && capital(info.operation.replace('-', ' '))],
    ['What', info.what],
    ['Process', info.pid?.toString()],
    ['Since', info.since],
    ['Time elapsed', info.elapsedMs === undefined ? undefined : `${info.elapsedMs} ms`],
    ['Phase', info.phase],
    ['Data processed', bytes(info.dataProcessedBytes)],
    ['Data remaining', bytes(info.dataRemainingBytes)],
    ['Data total', bytes(info.dataTotalBytes)],
    ['Data on the wire', bytes(info.wireBytes)],
    ['Memory bandwidth', info.bytesPerSecond === undefined ? undefined : `${bytesText(info.bytesPerSecond)}/s`],
    ['Dirty rate', info.dirtyPagesPerSecond === undefined ? undefined : `${info.dirtyPagesPerSecond} pages/s`],
    ['Page size', info.iteration === undefined ? undefined : bytes(info.pageBytes)],
    ['Iteration', info.iteration?.toString()],
    ['Expected downtime', info.expectedDowntimeMs === undefined ? undefined : `${info.expectedDowntimeMs} ms`],
    ['Suspended', info.suspended === true ? 'yes' : undefined],
    ['Error', info.error],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function bytes(count: number | undefined): string | undefined {
  return count === undefined ? undefined : bytesText(count);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

type DomjobabortOptions = GlobalOptions & { domain: string };

export const domjobabortCommand: CommandModule<GlobalOptions, DomjobabortOptions> = {
  command: 'domjobabort <domain>',
  describe: 'stop the migration, save, restore or dump of a domain in another process',
  builder: (yargs) =>
    yargs
      .positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' })
      .example('$0 domjobabort web1', 'the guest continues where it was'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name, result, error } = await abortJob(host, options.domain, { signal: stop.cancel });
    if (result === 'completed') {
      throw new ToolstackError('E_TOOLSTACK_JOB_DONE', `the job of ${name} was done before it could be stopped`, {
        hint: '`xenferry domjobinfo --completed` shows how it ended.',
      });
    }
    printLine(`Job of domain ${name} stopped${error === undefined ? '' : `: ${error}`}`);
  },
};
