import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import chain from 'stream-chain';
import type { Argv, CommandModule } from 'yargs';
import { StreamError } from '../../api/errors.js';
import { StreamSummarizer, type StreamSummary, StreamVerifier, streamInput } from '../../api/internal/streams.js';
import type { GlobalOptions } from '../open.js';
import { printJson, printLine, printTable } from '../output.js';
import { bytesText } from '../bytes-text.js';

/** Chunks that are read ahead of the parser. */
const CHUNKS_AHEAD = 2;

type FileOptions = GlobalOptions & { file: string; json: boolean };

const fileOptions = <T>(yargs: Argv<T>): Argv<T & { file: string; json: boolean }> =>
  yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: 'a libxl stream, also gzip, xz or zstd; - for stdin',
    })
    // With it, yargs takes a lone dash as a value; without it, it makes an empty string of it.
    .nargs('file', 1)
    .option('json', { type: 'boolean', default: false, describe: 'print JSON' });

const verifyCommand: CommandModule<GlobalOptions, FileOptions> = {
  command: 'verify <file>',
  describe: 'check a save stream against its specification',
  builder: (yargs) => fileOptions(yargs).example('$0 stream verify guest.libxl.gz', 'exit code 0: it is valid'),
  handler: async (options) => {
    const { records, pages, bytes } = await readThrough(options.file, new StreamVerifier());
    if (options.json) printJson({ file: options.file, good: true, records, pages, bytes });
    else printLine(`${options.file}: good, ${records} records, ${pages} pages, ${bytes} bytes`);
  },
};

const inspectCommand: CommandModule<GlobalOptions, FileOptions> = {
  command: 'inspect <file>',
  describe: 'show the contents of a save stream',
  builder: (yargs) =>
    fileOptions(yargs).example('$0 stream inspect --json guest.libxl.gz', 'records and pages by kind'),
  handler: async (options) => {
    const summary = await readThrough(options.file, new StreamSummarizer());
    if (options.json) printJson(summary);
    else printSummary(summary);
  },
};

export const streamCommand: CommandModule<GlobalOptions, GlobalOptions> = {
  command: 'stream <verb>',
  describe: 'examine save streams',
  builder: (yargs) => yargs.command(verifyCommand).command(inspectCommand).demandCommand(1, 'Name verify or inspect.'),
  handler: () => undefined,
};

interface StreamReader<Result> {
  push(chunk: Uint8Array): void;
  end(): Result;
}

async function readThrough<Result>(file: string, reader: StreamReader<Result>): Promise<Result> {
  const stop = new AbortController();
  const pipeline = chain([
    Readable.from(streamInput(file, stop.signal), { highWaterMark: CHUNKS_AHEAD }),
    (chunk: Uint8Array) => reader.push(chunk),
  ]);
  try {
    pipeline.resume();
    await finished(pipeline);
    return reader.end();
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    const { code, message, hint, data, cause } = error;
    throw new StreamError(code, `${file}: ${message}`, { hint, data: { ...data, file }, cause });
  } finally {
    // A silent sender must not keep the program running once the verdict is known.
    stop.abort();
    pipeline.destroy();
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
  if (!summary.exact) printLine('The stream exceeded the counted range: duplicate and sent again are lower bounds.');
}
