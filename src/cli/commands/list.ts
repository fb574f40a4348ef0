import type { CommandModule } from 'yargs';
import { listDomains, type ListedDomain } from '../../api/domains.js';
import { checkOneStyle } from '../../api/internal/list-style.js';
import { flag, shownName, type JsonOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printNote, printTable } from '../output.js';

interface ListOptions extends JsonOptions {
  all: boolean;
  inactive: boolean;
  persistent: boolean;
  transient: boolean;
  autostart: boolean;
  'no-autostart': boolean;
  'with-managed-save': boolean;
  'without-managed-save': boolean;
  'state-running': boolean;
  'state-paused': boolean;
  'state-shutoff': boolean;
  'state-other': boolean;
  name: boolean;
  uuid: boolean;
  id: boolean;
  title: boolean;
  table: boolean;
  'managed-save': boolean;
}

export const listCommand: CommandModule<GlobalOptions, ListOptions> = {
  command: 'list',
  describe: 'show the domains of this host',
  builder: (yargs) =>
    yargs
      // `--no-autostart` is a filter of its own, as in virsh, not the opposite of `--autostart`.
      .parserConfiguration({ 'boolean-negation': false })
      .option('json', flag('print JSON'))
      .option('all', flag('also those that do not run'))
      .option('inactive', flag('only those that do not run'))
      .option('persistent', flag('only those with a definition'))
      .option('transient', flag('only those without one'))
      .option('autostart', flag('only those that start with the host'))
      .option('no-autostart', flag('only those that do not'))
      .option('with-managed-save', flag('only those with a saved state'))
      .option('without-managed-save', flag('only those without one'))
      .option('state-running', flag('only those that run'))
      .option('state-paused', flag('only those that are paused'))
      .option('state-shutoff', flag('only those that are shut off'))
      .option('state-other', flag('only those in another state'))
      .option('name', flag('print names, one per line'))
      .option('uuid', flag('print UUIDs, one per line'))
      .option('id', flag('print ids, one per line'))
      .option('title', flag('with the title of each'))
      .option('table', flag('the table, which is the default'))
      .option('managed-save', flag('mark those with a saved state'))
      .example('$0 list --all', 'running or not')
      .example('$0 list --all --autostart --name', 'names of those that start with the host')
      .example('$0 list --json', 'an array of id, name, uuid, state, persistent, autostart, managedSave, title'),
  handler: async (options) => {
    checkOneStyle({ json: options.json, table: options.table, name: options.name || options.uuid || options.id });
    await using host = await openHost(options);
    const { domains, damaged } = await listDomains(host, {
      all: options.all,
      inactive: options.inactive,
      persistent: options.persistent,
      transient: options.transient,
      autostart: options.autostart,
      noAutostart: options['no-autostart'],
      managedSave: options['with-managed-save'],
      noManagedSave: options['without-managed-save'],
      stateRunning: options['state-running'],
      statePaused: options['state-paused'],
      stateShutoff: options['state-shutoff'],
      stateOther: options['state-other'],
    });
    for (const { error } of damaged) printNote(`warning: ${error.message}`);
    if (options.json) printJson(domains);
    else if (options.name || options.uuid || options.id) printWords(domains, options);
    else printDomains(domains, options);
  },
};

function printWords(domains: readonly ListedDomain[], options: ListOptions): void {
  for (const { id, uuid, name } of domains) {
    const words = [
      ...(options.id ? [id === null ? '-' : String(id)] : []),
      ...(options.uuid ? [uuid] : []),
      ...(options.name ? [shownName(name)] : []),
    ];
    printLine(words.join(' '));
  }
}

function printDomains(domains: readonly ListedDomain[], options: ListOptions): void {
  printTable(
    ['Id', 'Name', 'State', 'UUID', ...(options.title ? ['Title'] : [])],
    domains.map((domain) => [
      domain.id === null ? '-' : String(domain.id),
      shownName(domain.name),
      options['managed-save'] && domain.managedSave ? 'saved' : domain.state,
      domain.uuid,
      ...(options.title ? [shownName(domain.title ?? '')] : []),
    ]),
  );
}
