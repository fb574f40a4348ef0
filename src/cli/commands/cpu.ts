import type { Argv, CommandModule } from 'yargs';
import {
  baselineCpu,
  compareCpu,
  type Comparison,
  incompatible,
  remedyOf,
  MAX_CPU_FILE_BYTES,
  readCpus,
  type DescribedCpu,
  writeCpu,
  needReportedCpu,
  formatXml,
} from '../../api/internal/cpu.js';
import { UsageError } from '../../api/errors.js';
import { flag, jsonOption, shownName, type JsonOptions } from '../domain-options.js';
import { EXIT } from '../exit.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument, printJson, printLine, printNote } from '../output.js';
import { setExitCode } from '../result.js';
import { textInput } from '../text-input.js';

const fileArgument = <T>(yargs: Argv<T>): Argv<T & { file: string }> =>
  yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: '<cpu>, domain XML or capabilities; - for stdin',
    })
    // With it, yargs takes a lone dash as a value; without it, it makes an empty string of it.
    .nargs('file', 1);

/** In virsh's wording. */
function sentence({ result }: Comparison, file: string): string {
  switch (result) {
    case 'identical':
      return `CPU described in ${file} is identical to host CPU`;
    case 'superset':
      return `Host CPU is a superset of CPU described in ${file}`;
    case 'incompatible':
      return `CPU described in ${file} is incompatible with host CPU`;
  }
}

/** The file's name in messages. */
const shown = (file: string): string => (file === '-' ? 'standard input' : shownName(file));

async function cpusIn(file: string): Promise<DescribedCpu[]> {
  const cpus = readCpus(await textInput(file, MAX_CPU_FILE_BYTES), shown(file));
  if (cpus.length > 0) return cpus;
  throw new UsageError('E_USAGE_CPU', `${shown(file)} contains no CPU`, {
    hint: 'A <cpu>, domain XML with one, or the output of `xenferry capabilities` is accepted.',
  });
}

async function onlyCpuIn(file: string): Promise<DescribedCpu> {
  const [cpu, ...others] = await cpusIn(file);
  if (others.length === 0) return cpu;
  throw new UsageError('E_USAGE_CPU', `${shown(file)} holds ${others.length + 1} CPUs: one can be compared at a time`, {
    hint: 'Compare each separately, or their common features: `xenferry cpu-baseline`.',
  });
}

type CompareOptions = JsonOptions & { file: string; error: boolean };

export const cpuCompareCommand: CommandModule<GlobalOptions, CompareOptions> = {
  command: 'cpu-compare <file>',
  describe: "compare this host's processor with a described one: identical, superset or incompatible",
  builder: (yargs) =>
    jsonOption(fileArgument(yargs))
      .option('error', flag('incompatible is an error, which names the missing features'))
      .example(
        '$0 cpu-compare web1.xml --error',
        'whether this host meets the requirements of web1; exit code 1: it does not',
      ),
  handler: async ({ file, error, json, ...options }) => {
    const cpu = await onlyCpuIn(file);
    await using host = await openHost(options);
    const comparison = compareCpu(needReportedCpu(await host.toolstack.host()), cpu);
    const { result, missing, unwanted, unknown, reasons, instead } = comparison;
    const isIncompatible = result === 'incompatible';
    if (json) printJson({ result, missing, unwanted, unknown, reasons, instead: instead ?? null });
    else if (!isIncompatible || !error) printLine(sentence(comparison, shown(file)));
    if (unknown.length > 0) printNote(`note: not compared, since Xen does not report it here: ${unknown.join(', ')}`);
    if (!isIncompatible) return;
    if (error) throw incompatible(shown(file), comparison);
    const remedy = remedyOf(comparison);
    if (remedy !== undefined) printNote(`note: ${remedy}`);
    setExitCode(EXIT.failed);
  },
};

type BaselineOptions = GlobalOptions & { file: string; features: boolean; migratable: boolean };

export const cpuBaselineCommand: CommandModule<GlobalOptions, BaselineOptions> = {
  command: 'cpu-baseline <file>',
  describe: 'compute the CPU that a guest can have on each of several hosts, as XML',
  builder: (yargs) =>
    fileArgument(yargs)
      .option('features', flag('list the features of the model as well'))
      .option('migratable', flag('without features that prevent migration'))
      .example('$0 cpu-baseline all.xml', 'of the concatenated output of `capabilities` on each host'),
  handler: async ({ file, features, migratable }) => {
    const baseline = baselineCpu(await cpusIn(file), { expand: features, migratable });
    printDocument(formatXml(writeCpu(baseline)));
  },
};
