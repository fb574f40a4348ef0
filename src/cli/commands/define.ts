import type { CommandModule } from 'yargs';
import { createDomain, defineDomain, undefineDomain } from '../../api/domains.js';
import { domainArgument, flag, forceLeaseFlag, readUserXml, shownName, type DomainOptions } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine, printWarnings } from '../output.js';
import { StopSignals } from '../stop-signals.js';

const VALIDATE = flag('refuse what the schema does not define, instead of ignoring it with a warning');

type DefineOptions = GlobalOptions & { file: string; validate: boolean };

export const defineCommand: CommandModule<GlobalOptions, DefineOptions> = {
  command: 'define <file>',
  describe: 'store a definition, without starting it',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'domain XML' })
      .option('validate', VALIDATE)
      .example('$0 define web1.xml', 'new, or replacing the definition of web1'),
  handler: async (options) => {
    const xml = readUserXml(options.file);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name, warnings } = await defineDomain(host, xml, { validate: options.validate, signal: stop.cancel });
    printWarnings(warnings);
    printLine(`Domain ${name} defined from ${options.file}`);
  },
};

type UndefineOptions = DomainOptions & { 'managed-save': boolean };

export const undefineCommand: CommandModule<GlobalOptions, UndefineOptions> = {
  command: 'undefine <domain>',
  describe: 'remove the definition of a domain',
  builder: (yargs) =>
    domainArgument(yargs)
      .option('managed-save', flag('remove its saved state as well'))
      .example('$0 undefine web1', 'a running domain continues until it stops'),
  handler: async (options) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const { name } = await undefineDomain(host, options.domain, {
      managedSave: options['managed-save'],
      signal: stop.cancel,
    });
    printLine(`Domain ${shownName(name)} has been undefined`);
  },
};

type CreateOptions = DefineOptions & { paused: boolean; 'force-lease': boolean };

export const createCommand: CommandModule<GlobalOptions, CreateOptions> = {
  command: 'create <file>',
  describe: 'make and start a domain from domain XML',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'domain XML' })
      .option('paused', flag('leave it paused'))
      .option('force-lease', forceLeaseFlag)
      .option('validate', VALIDATE)
      .example('$0 create examples/busy.xml', 'start a guest that keeps writing to its memory'),
  handler: async (options) => {
    const xml = readUserXml(options.file);
    await using host = await openHost(options);
    using stop = new StopSignals();
    const created = await createDomain(host, xml, {
      paused: options.paused,
      forceLease: options['force-lease'],
      validate: options.validate,
      signal: stop.cancel,
    });
    printWarnings(created.warnings);
    printLine(`Domain ${created.name} created, id ${created.id}, ${created.state}`);
  },
};
