import type { CommandModule } from 'yargs';
import {
  domainDetails,
  dumpXml,
  type DomainDetails,
  dom0Details,
  type Dom0Details,
  stateText,
} from '../../api/internal/details.js';
import { DOMAIN0, isDomain0 } from '../../api/internal/host.js';
import {
  domainArgument,
  flag,
  jsonOption,
  shownName,
  type DomainOptions,
  type JsonOptions,
} from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument, printJson, printLine } from '../output.js';

export const dominfoCommand: CommandModule<GlobalOptions, JsonOptions & DomainOptions> = {
  command: 'dominfo <domain>',
  describe: 'show information about a domain',
  builder: (yargs) => jsonOption(domainArgument(yargs)).example('$0 dominfo web1', 'state, memory, processors'),
  handler: async (options) => {
    await using host = await openHost(options);
    if (isDomain0(options.domain)) return printDom0(await dom0Details(host), options.json);
    const details = await domainDetails(host, options.domain);
    if (options.json) printJson(detailsJson(details));
    else for (const [label, value] of detailsRows(details)) printRow(label, value);
  },
};

function printDom0({ memoryKiB, maxMemoryKiB, vcpus }: Dom0Details, json: boolean): void {
  const { name, uuid } = DOMAIN0;
  if (json) {
    printJson({ id: 0, name, uuid, state: 'running', vcpus, maxMemoryKiB, usedMemoryKiB: memoryKiB });
    return;
  }
  const rows: [string, string][] = [
    ['Id', '0'],
    ['Name', name],
    ['UUID', uuid],
    ['State', 'running'],
    ['CPU(s)', String(vcpus)],
    ['Max memory', `${maxMemoryKiB} KiB`],
    ['Used memory', `${memoryKiB} KiB`],
  ];
  for (const [label, value] of rows) printRow(label, value);
}

function printRow(label: string, value: string): void {
  printLine(`${(label === '' ? '' : `${label}:`).padEnd(16)}${value}`);
}

function detailsJson({ known, domain, guest, messages }: DomainDetails): Record<string, unknown> {
  const { info } = known;
  return {
    id: info?.domid ?? null,
    name: known.name,
    uuid: known.uuid,
    osType: domain.type,
    state: stateText(info),
    vcpus: info?.vcpus ?? domain.vcpusCurrent,
    cpuTimeNs: (info?.cpuTimeNs ?? 0n).toString(),
    maxMemoryKiB: domain.memoryMaxKiB,
    usedMemoryKiB: info?.memoryKiB ?? domain.memoryCurrentKiB,
    persistent: known.stored !== undefined,
    autostart: known.stored?.autostart === true,
    managedSave: known.managedSave,
    messages,
    ...(guest === undefined ? {} : { guest }),
  };
}

const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

function detailsRows({ known, domain, guest, messages }: DomainDetails): [string, string][] {
  const { info, stored } = known;
  const rows: [string, string][] = [
    ['Id', info === undefined ? '-' : String(info.domid)],
    ['Name', shownName(known.name)],
    ['UUID', known.uuid],
    ['OS Type', domain.type],
    ['State', stateText(info)],
    ['CPU(s)', String(info?.vcpus ?? domain.vcpusCurrent)],
    ...(info === undefined
      ? []
      : ([['CPU time', `${(Number(info.cpuTimeNs / 1_000_000n) / 1000).toFixed(1)}s`]] as [string, string][])),
    ['Max memory', `${domain.memoryMaxKiB} KiB`],
    ['Used memory', `${info?.memoryKiB ?? domain.memoryCurrentKiB} KiB`],
    ['Persistent', yesNo(stored !== undefined)],
    ['Autostart', stored?.autostart === true ? 'enable' : 'disable'],
    ['Managed save', yesNo(known.managedSave)],
    ...messages.map((message, index): [string, string] => [index === 0 ? 'Messages' : '', message]),
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

interface DumpOptions extends DomainOptions {
  inactive: boolean;
  migratable: boolean;
  'security-info': boolean;
}

export const dumpxmlCommand: CommandModule<GlobalOptions, DumpOptions> = {
  command: 'dumpxml <domain>',
  describe: 'print the definition of a domain',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('inactive', flag('the definition for the next start, not the running configuration'))
      .option('migratable', flag('as a migration would send it'))
      .option('security-info', flag('with the passwords of its displays'))
      .example('$0 dumpxml web1 > web1.xml', 'keep the definition'),
  handler: async (options) => {
    await using host = await openHost(options);
    const xml = await dumpXml(host, options.domain, {
      inactive: options.inactive,
      migratable: options.migratable,
      securityInfo: options['security-info'],
    });
    printDocument(xml);
  },
};
