import type { CommandModule } from 'yargs';
import {
  formatCpuSet,
  parseCpuSet,
  type CpuSet,
  parseMemoryKiB,
  setMaxMemory,
  setMemory,
  type MemoryRequest,
  countOneVcpus,
  countVcpus,
  pinVcpu,
  setVcpus,
  vcpuInfos,
  vcpuPins,
} from '../../api/internal/tuning.js';
import type { Host } from '../../api/internal/host.js';
import type { ImpactFlags } from '../../api/internal/impact.js';
import { RefusedError, UsageError } from '../../api/errors.js';
import {
  domainArgument,
  flag,
  jsonOption,
  shownName,
  type DomainOptions,
  type JsonOptions,
} from '../domain-options.js';
import { impactOptions } from '../impact-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printTable } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type SizeOptions = DomainOptions & ImpactFlags & { size: string };

function sizeVerb(
  verb: string,
  describe: string,
  said: string,
  work: (host: Host, ref: string, request: MemoryRequest) => Promise<{ readonly name: string }>,
): CommandModule<GlobalOptions, SizeOptions> {
  return {
    command: `${verb} <domain> <size>`,
    describe,
    builder: (yargs) =>
      impactOptions(domainArgument(yargs))
        .positional('size', { type: 'string', demandOption: true, describe: 'in KiB, or with a unit: 512M, 2GiB' })
        .example(`$0 ${verb} web1 2G --config`, 'from its next start on'),
    handler: async ({ live, config, current, ...options }) => {
      const match = /^(\d+)\s*([A-Za-z]*)$/.exec(options.size);
      const kib = match === null ? undefined : parseMemoryKiB(match[1], match[2] === '' ? 'KiB' : match[2]);
      if (kib === undefined) {
        throw new UsageError('E_USAGE_SIZE', `${options.size} is not a size`, {
          hint: 'For example 524288, 512M, 2GiB.',
        });
      }
      await using host = await openHost(options);
      using stop = new StopSignals();
      const { name } = await work(host, options.domain, { kib, flags: { live, config, current }, signal: stop.cancel });
      printLine(`Domain ${shownName(name)}: ${said} ${kib} KiB`);
    },
  };
}

export const setmemCommand = sizeVerb('setmem', 'change the memory of a domain', 'memory is now', setMemory);
export const setmaxmemCommand = sizeVerb(
  'setmaxmem',
  'change the maximum memory of a domain, from its next start on',
  'maximum memory is now',
  setMaxMemory,
);

const guestFlag = flag('as in virsh; refused: Xen has no agent in its guests');

function noAgent(instead: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    'Xen has no agent in its guests: the processors that a guest itself uses are unknown',
    {
      hint: `Use ${instead}, which shows the processors that Xen gives the guest.`,
    },
  );
}

type SetVcpusOptions = DomainOptions & ImpactFlags & { count: number; maximum: boolean; guest: boolean };

export const setvcpusCommand: CommandModule<GlobalOptions, SetVcpusOptions> = {
  command: 'setvcpus <domain> <count>',
  describe: 'change the number of processors of a domain',
  builder: (yargs) =>
    impactOptions(domainArgument(yargs))
      .positional('count', { type: 'number', demandOption: true, describe: '1 or more' })
      .option('maximum', flag('the maximum, from its next start on'))
      .option('guest', guestFlag)
      .example('$0 setvcpus web1 2 --live --config', 'now, and from its next start on'),
  handler: async ({ live, config, current, ...options }) => {
    if (options.guest) throw noAgent('--live');
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await setVcpus(host, options.domain, {
      count: options.count,
      maximum: options.maximum,
      flags: { live, config, current },
      signal: stop.cancel,
    });
    printLine(`Domain ${shownName(name)}: ${options.maximum ? 'at most ' : ''}${options.count} processors`);
  },
};

type CountOptions = JsonOptions & DomainOptions & ImpactFlags & { maximum: boolean; active: boolean; guest: boolean };

export const vcpucountCommand: CommandModule<GlobalOptions, CountOptions> = {
  command: 'vcpucount <domain>',
  describe: 'print the maximum and present number of processors of a domain',
  builder: (yargs) =>
    impactOptions(jsonOption(domainArgument(yargs)))
      .option('maximum', flag('print only the maximum'))
      .option('active', flag('print only the present number'))
      .option('guest', guestFlag)
      .example('$0 vcpucount web1 --maximum --live', 'one number'),
  handler: async ({ live, config, current, ...options }) => {
    if (options.guest) throw noAgent('--active --live');
    if (options.maximum && options.active) {
      throw new UsageError('E_USAGE_ARGUMENTS', '--maximum and --active exclude each other here', {
        hint: 'Use one of them.',
      });
    }
    await using host = await openHost(options);
    const asksOne = options.maximum || options.active || live || config || current;
    if (asksOne) {
      const which = options.maximum ? 'maximum' : 'current';
      const count = await countOneVcpus(host, options.domain, which, { live, config, current });
      if (options.json) printJson(count);
      else printLine(String(count));
      return;
    }
    const counts = await countVcpus(host, options.domain);
    if (options.json) printJson(counts);
    else for (const { which, of, count } of counts) printLine(`${which.padEnd(12)} ${of.padEnd(12)} ${count}`);
  },
};

/** `y` for each processor that may be used, `-` for each other, as virsh prints it. */
function affinityText(affinity: CpuSet | undefined, cpus: number): string {
  return Array.from({ length: cpus }, (_, cpu) => (affinity?.has(cpu) === false ? '-' : 'y')).join('');
}

export const vcpuinfoCommand: CommandModule<GlobalOptions, JsonOptions & DomainOptions> = {
  command: 'vcpuinfo <domain>',
  describe: 'show the processors of a running domain',
  builder: (yargs) => jsonOption(domainArgument(yargs)).example('$0 vcpuinfo web1', 'where each runs, and may run'),
  handler: async (options) => {
    await using host = await openHost(options);
    const { vcpus, cpus } = await vcpuInfos(host, options.domain);
    if (options.json) {
      printJson(vcpus.map((one) => ({ ...one, cpuTimeNs: one.cpuTimeNs.toString(), affinity: one.affinity ?? null })));
      return;
    }
    for (const { number, cpu, state, cpuTimeNs, affinity } of vcpus) {
      printLine(`${'VCPU:'.padEnd(16)}${number}`);
      printLine(`${'CPU:'.padEnd(16)}${cpu ?? '-'}`);
      printLine(`${'State:'.padEnd(16)}${state}`);
      printLine(`${'CPU time:'.padEnd(16)}${(Number(cpuTimeNs / 1_000_000n) / 1000).toFixed(1)}s`);
      printLine(`${'CPU Affinity:'.padEnd(16)}${affinityText(affinity, cpus)}`);
      printLine('');
    }
  },
};

type PinOptions = DomainOptions & ImpactFlags & { vcpu?: number | undefined; cpulist?: string | undefined };

export const vcpupinCommand: CommandModule<GlobalOptions, PinOptions> = {
  command: 'vcpupin <domain> [vcpu] [cpulist]',
  describe: "show or set the host's processors that those of a domain may run on",
  builder: (yargs) =>
    impactOptions(domainArgument(yargs))
      .positional('vcpu', { type: 'number', describe: 'one of the domain, from 0' })
      .positional('cpulist', { type: 'string', describe: 'such as 0-3,^2; r: all' })
      .example('$0 vcpupin web1 0 2-3 --live', 'its first processor runs on 2 and 3'),
  handler: async ({ live, config, current, vcpu, cpulist, ...options }) => {
    const flags = { live, config, current };
    await using host = await openHost(options);
    if (cpulist === undefined) {
      const pins = await vcpuPins(host, options.domain, flags);
      printTable(
        ['VCPU', 'CPU Affinity'],
        pins
          .filter((pin) => vcpu === undefined || pin.vcpu === vcpu)
          .map((pin) => [String(pin.vcpu), pin.cpus === undefined ? 'all' : formatCpuSet(pin.cpus)]),
      );
      return;
    }
    const cpus = cpulist === 'r' ? undefined : parseCpuSet(cpulist);
    if (vcpu === undefined || !Number.isInteger(vcpu) || vcpu < 0 || (cpus === undefined && cpulist !== 'r')) {
      throw new UsageError('E_USAGE_VCPUS', `${vcpu ?? ''} ${cpulist}: not a processor and a set of processors`, {
        hint: 'For example `vcpupin web1 0 2-3,^3`.',
      });
    }
    using stop = new StopSignals();
    const { name } = await pinVcpu(host, options.domain, { vcpu, cpus, flags, signal: stop.cancel });
    printLine(
      `Domain ${shownName(name)}: processor ${vcpu} runs on ${cpus === undefined ? 'all' : formatCpuSet(cpus)}`,
    );
  },
};
