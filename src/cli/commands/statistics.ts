import type { CommandModule } from 'yargs';
import {
  diskStatistics,
  type DiskStatistics,
  interfaceStatistics,
  memoryStatistics,
} from '../../api/internal/statistics.js';
import { domainArgument, flag, jsonOption, type DomainOptions, type JsonOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type Figures = readonly (readonly [key: string, forPeople: string, value: bigint])[];

/** With virsh's keys. */
const ofDisk = (one: DiskStatistics): Figures => [
  ['rd_req', 'number of read operations', one.readRequests],
  ['rd_bytes', 'number of bytes read', one.readBytes],
  ['wr_req', 'number of write operations', one.writeRequests],
  ['wr_bytes', 'number of bytes written', one.writeBytes],
  ['flush_operations', 'number of flush operations', one.flushRequests],
  ['errs', 'error count', one.errors],
];

/** Counters may exceed the exact range of numbers in JSON: they are text. */
const asJson = (figures: Figures): Record<string, string> =>
  Object.fromEntries(figures.map(([key, , value]) => [key, value.toString()]));

type DiskOptions = JsonOptions & DomainOptions & { device?: string | undefined; human: boolean };

export const domblkstatCommand: CommandModule<GlobalOptions, DiskOptions> = {
  command: 'domblkstat <domain> [device]',
  describe: 'show what a running domain read from its disks and wrote to them',
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .positional('device', {
        type: 'string',
        describe: 'one disk, by name in the guest or source; default: the sum of all',
      })
      .option('human', flag('in words'))
      .example('$0 domblkstat web1 xvda', 'requests and bytes since the disk was attached'),
  handler: async ({ device, human, json, ...options }) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const figures = ofDisk(await diskStatistics(host, options.domain, device, stop.cancel));
    if (json) printJson({ device: device ?? null, ...asJson(figures) });
    else if (human) {
      printLine(`Device: ${device ?? 'all'}`);
      for (const [, words, value] of figures) printLine(` ${`${words}:`.padEnd(34)}${value}`);
    } else
      for (const [key, , value] of figures) printLine(`${device === undefined ? '' : `${device} `}${key} ${value}`);
  },
};

type InterfaceOptions = JsonOptions & DomainOptions & { interface: string };

export const domifstatCommand: CommandModule<GlobalOptions, InterfaceOptions> = {
  command: 'domifstat <domain> <interface>',
  describe: 'show what a running domain received and sent by a network card',
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .positional('interface', {
        type: 'string',
        demandOption: true,
        describe: "the host's end, vif3.0, or the card's address",
      })
      .example('$0 domifstat web1 00:16:3e:12:34:56', 'bytes and packets, as the guest sees them'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { ifname, received, sent } = await interfaceStatistics(host, options.domain, options.interface, stop.cancel);
    const figures: Figures = (
      [
        ['rx', received],
        ['tx', sent],
      ] as const
    ).flatMap(([way, { bytes, packets, errors, dropped }]) => [
      [`${way}_bytes`, '', bytes] as const,
      [`${way}_packets`, '', packets] as const,
      [`${way}_errs`, '', errors] as const,
      [`${way}_drop`, '', dropped] as const,
    ]);
    if (options.json) printJson({ interface: ifname, ...asJson(figures) });
    else for (const [key, , value] of figures) printLine(`${ifname} ${key} ${value}`);
  },
};

export const dommemstatCommand: CommandModule<GlobalOptions, JsonOptions & DomainOptions> = {
  command: 'dommemstat <domain>',
  describe: 'show how much memory a running domain has and can have, in KiB',
  builder: (yargs) => jsonOption(domainArgument(yargs)).example('$0 dommemstat web1', 'both figures, one per line'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { memoryKiB, maxMemoryKiB } = await memoryStatistics(host, options.domain, stop.cancel);
    if (options.json) printJson({ memoryKiB, maxMemoryKiB });
    else {
      printLine(`actual ${memoryKiB}`);
      printLine(`available ${maxMemoryKiB}`);
    }
  },
};
