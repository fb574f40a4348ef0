import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import chain from 'stream-chain';
import type { Argv, CommandModule } from 'yargs';
import { StreamError } from '../../errors/errors.js';
import { StreamSummarizer, type StreamSummary } from '../../savestream/summary.js';
import type { GlobalOptions } from '../open.js';
import { printJson, printLine, printTable } from '../output.js';
import { bytesText } from '../progress.js';
import { streamInput } from '../stream-input.js';

type FileOptions = GlobalOptions & { file: string; json: boolean };

const fileOptions = <T>(yargs: Argv<T>): Argv<T & { file: string; json: boolean }> =>
  yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: 'a libxl stream, also gzip, xz or zstd; - for stdin',
    })
    .option('json', { type: 'boolean', default: false, describe: 'print JSON' });

const verifyCommand: CommandModule<GlobalOptions, FileOptions> = {
  command: 'verify <file>',
  describe: 'check a save stream against its specification',
  builder: (yargs) => fileOptions(yargs).example('$0 stream verify guest.libxl.gz', 'exit code 0: it is good'),
  handler: async (options) => {
    const summary = await summarize(options.file);
    if (options.json) printJson({ file: options.file, good: true, bytes: summary.bytes });
    else {
      const records = summary.records.reduce((sum, record) => sum + record.count, 0);
      printLine(`${options.file}: good, ${records} records, ${summary.pages.data} pages, ${summary.bytes} bytes`);
    }
  },
};

const inspectCommand: CommandModule<GlobalOptions, FileOptions> = {
  command: 'inspect <file>',
  describe: 'show what a save stream holds',
  builder: (yargs) =>
    fileOptions(yargs).example('$0 stream inspect --json guest.libxl.gz', 'records and pages by kind'),
  handler: async (options) => {
    const summary = await summarize(options.file);
    if (options.json) printJson(summary);
    else printSummary(summary);
  },
};

export const streamCommand: CommandModule<GlobalOptions, GlobalOptions> = {
  command: 'stream <verb>',
  describe: 'look at save streams',
  builder: (yargs) => yargs.command(verifyCommand).command(inspectCommand).demandCommand(1, 'Name verify or inspect.'),
  handler: () => undefined,
};

async function summarize(file: string): Promise<StreamSummary> {
  const summarizer = new StreamSummarizer();
  const pipeline = chain([(chunk: Uint8Array) => summarizer.push(chunk)]);
  const source = Readable.from(streamInput(file), { objectMode: true, highWaterMark: 2 });
  source.on('error', (error) => pipeline.destroy(error));
  pipeline.on('close', () => source.destroy());
  source.pipe(pipeline);
  pipeline.resume();
  try {
    await finished(pipeline);
    return summarizer.end();
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new StreamError(error.code, `${file}: ${error.message}`, { cause: error.cause, data: error.data });
  }
}

function printSummary(summary: StreamSummary): void {
  const { pages } = summary;
  printLine(
    `libxl stream version ${summary.libxlVersion}, libxc image version ${summary.libxcVersion}, ${summary.bigEndian ? 'big' : 'little'}-endian`,
  );
  printLine(
    `${summary.domainType} guest from Xen ${summary.xenVersion}, ${bytesText(summary.bytes)} (${summary.bytes} bytes)`,
  );
  printLine('');
  printTable(
    ['Layer', 'Record', 'Count', 'Bytes'],
    summary.records.map((record) => [record.layer, record.name, String(record.count), String(record.bytes)]),
  );
  printLine('');
  printLine(
    `Pages: ${pages.data} with data (${pages.zero} zero, ${pages.duplicate} duplicate, ${pages.unique} unique), ${pages.resent} sent again, ${pages.nodata} without data`,
  );
  printLine(
    `By type: ${Object.entries(summary.pageTypes)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  );
  if (!summary.exact) printLine('There were more unlike pages than are remembered: duplicate is a lower bound.');
}
