import { readFileSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import {
  createDomain,
  destroyDomain,
  domainDetails,
  dumpXml,
  listDomains,
  resumeDomain,
  stateText,
  suspendDomain,
  type DomainDetails,
} from '../../driver/domains.js';
import type { Host } from '../../driver/host.js';
import { UsageError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printNote, printTable } from '../output.js';
import { StopSignals } from '../stop-signals.js';

type JsonOptions = GlobalOptions & { json: boolean };
type DomainOptions = GlobalOptions & { domain: string };

const json = <T>(yargs: Argv<T>): Argv<T & { json: boolean }> =>
  yargs.option('json', { type: 'boolean', default: false, describe: 'print JSON' });

const domainArgument = <T>(yargs: Argv<T>): Argv<T & { domain: string }> =>
  yargs.positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' });

export const listCommand: CommandModule<GlobalOptions, JsonOptions> = {
  command: 'list',
  describe: 'show the domains of this host',
  builder: (yargs) => json(yargs).example('$0 list --json', 'an array of id, name, uuid, state, persistent'),
  handler: async (options) => {
    await using host = await openHost(options);
    const domains = await listDomains(host);
    if (options.json) printJson(domains);
    else
      printTable(
        ['Id', 'Name', 'State', 'UUID'],
        domains.map((domain) => [String(domain.id), domain.name, domain.state, domain.uuid]),
      );
  },
};

/** The text of a file that the user names. */
export function readUserFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('E_USAGE_FILE', `cannot read ${path}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}

type CreateOptions = GlobalOptions & { file: string; paused: boolean };

export const createCommand: CommandModule<GlobalOptions, CreateOptions> = {
  command: 'create <file>',
  describe: 'make and start a domain from domain XML',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'domain XML' })
      .option('paused', { type: 'boolean', default: false, describe: 'do not let it run yet' })
      .example('$0 create examples/busy.xml', 'start a guest that keeps writing to its memory'),
  handler: async (options) => {
    const xml = readUserFile(options.file);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { info, warnings } = await createDomain(host, xml, { paused: options.paused, signal: stop.cancel });
    for (const warning of warnings) printNote(`warning: ${warning}`);
    printLine(`Domain ${info.name} created, id ${info.domid}, ${info.state}`);
  },
};

export const dominfoCommand: CommandModule<GlobalOptions, JsonOptions & DomainOptions> = {
  command: 'dominfo <domain>',
  describe: 'show what is known of a domain',
  builder: (yargs) => json(domainArgument(yargs)).example('$0 dominfo web1', 'state, memory, processors'),
  handler: async (options) => {
    await using host = await openHost(options);
    const details = await domainDetails(host, options.domain);
    if (options.json) printJson(detailsJson(details));
    else for (const [label, value] of detailsRows(details)) printLine(`${`${label}:`.padEnd(16)}${value}`);
  },
};

function detailsJson({ info, config, guest }: DomainDetails): Record<string, unknown> {
  return {
    id: info.domid,
    name: info.name,
    uuid: info.uuid,
    osType: config.domain.type,
    state: stateText(info),
    vcpus: info.vcpus,
    cpuTimeNs: info.cpuTimeNs.toString(),
    maxMemoryKiB: info.maxMemoryKiB,
    usedMemoryKiB: info.memoryKiB,
    persistent: false,
    ...(guest === undefined ? {} : { guest }),
  };
}

function detailsRows({ info, config, guest }: DomainDetails): [string, string][] {
  const rows: [string, string][] = [
    ['Id', String(info.domid)],
    ['Name', info.name],
    ['UUID', info.uuid],
    ['OS Type', config.domain.type],
    ['State', stateText(info)],
    ['CPU(s)', String(info.vcpus)],
    ['CPU time', `${(Number(info.cpuTimeNs / 1_000_000n) / 1000).toFixed(1)}s`],
    ['Max memory', `${info.maxMemoryKiB} KiB`],
    ['Used memory', `${info.memoryKiB} KiB`],
  ];
  if (guest !== undefined) {
    rows.push(
      ['Guest ticks', String(guest.ticks)],
      ['Guest check', `${guest.checked} pages checked, ${guest.bad} bad`],
    );
    if (guest.memoryDigest !== undefined) rows.push(['Memory digest', guest.memoryDigest]);
  }
  return rows;
}

export const dumpxmlCommand: CommandModule<GlobalOptions, DomainOptions & { 'security-info': boolean }> = {
  command: 'dumpxml <domain>',
  describe: 'print the definition of a domain',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('security-info', { type: 'boolean', default: false, describe: 'with the passwords of its screens' })
      .example('$0 dumpxml web1 > web1.xml', 'keep the definition'),
  handler: async (options) => {
    await using host = await openHost(options);
    printLine((await dumpXml(host, options.domain, options['security-info'])).trimEnd());
  },
};

/** A verb that does one thing to one domain and says so. */
function simpleVerb(
  verb: string,
  describe: string,
  example: string,
  done: string,
  work: (host: Host, ref: string, signal: AbortSignal) => Promise<DomainInfo>,
): CommandModule<GlobalOptions, DomainOptions> {
  return {
    command: `${verb} <domain>`,
    describe,
    builder: (yargs) => domainArgument(yargs).example(`$0 ${verb} web1`, example),
    handler: async (options) => {
      await using host = await openHost(options);
      using stop = new StopSignals();
      const info = await work(host, options.domain, stop.cancel);
      printLine(`Domain ${info.name} ${done}`);
    },
  };
}

export const destroyCommand = simpleVerb(
  'destroy',
  'end a domain at once',
  'as pulling its plug',
  'destroyed',
  destroyDomain,
);
export const suspendCommand = simpleVerb(
  'suspend',
  'pause a domain',
  'its processors stop',
  'suspended',
  suspendDomain,
);
export const resumeCommand = simpleVerb(
  'resume',
  'let a paused domain run',
  'its processors go on',
  'resumed',
  resumeDomain,
);
