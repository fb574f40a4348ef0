import { randomBytes, randomUUID } from 'node:crypto';
import type { CommandModule } from 'yargs';
import {
  applyDefaults,
  type DefaultsContext,
  defineDomain,
  readDefinition,
  checkDefinition,
  toDomain,
  formatDomainXml,
  parseDomainXml,
  nativeFormat,
  NATIVE_FORMATS,
  fromXlConfig,
  toXlConfig,
} from '../../api/internal/native.js';
import { dumpXml } from '../../api/internal/details.js';
import { UsageError } from '../../api/errors.js';
import { readUserBytes, readUserXml } from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument, printWarnings } from '../output.js';

const FORMATS = NATIVE_FORMATS.join(' or ');

const context: DefaultsContext = {
  randomOctets: () => {
    const [a, b, c] = randomBytes(3);
    return [a, b, c];
  },
};

type FromOptions = GlobalOptions & { format: string; file: string };

export const domxmlFromNativeCommand: CommandModule<GlobalOptions, FromOptions> = {
  command: 'domxml-from-native <format> <file>',
  describe: 'convert a file for xl or xm into domain XML',
  builder: (yargs) =>
    yargs
      .positional('format', { type: 'string', demandOption: true, describe: FORMATS })
      .positional('file', { type: 'string', demandOption: true, describe: 'a file as for `xl create`' })
      .example('$0 domxml-from-native xen-xl /etc/xen/web1.cfg > web1.xml', 'input for `create`'),
  handler: ({ format, file }) => {
    const source = readUserBytes(file);
    const { definition, warnings } = fromXlConfig(source, { format: nativeFormat(format), makeUuid: randomUUID });
    printWarnings(warnings);
    const complete = applyDefaults(definition, context);
    checkDefinition(complete);
    printDocument(formatDomainXml(toDomain(complete)));
  },
};

type ToOptions = GlobalOptions & { format: string; domain: string | undefined; xml: string | undefined };

export const domxmlToNativeCommand: CommandModule<GlobalOptions, ToOptions> = {
  command: 'domxml-to-native <format> [domain]',
  describe: "convert domain XML, or a domain's definition, into a file for xl or xm",
  builder: (yargs) =>
    yargs
      .positional('format', { type: 'string', demandOption: true, describe: FORMATS })
      .positional('domain', { type: 'string', describe: 'name, UUID or id' })
      .option('xml', { type: 'string', describe: 'file with domain XML, instead of a domain' })
      .example('$0 domxml-to-native xen-xl --xml web1.xml > web1.cfg', 'input for `xl create`')
      .example('$0 domxml-to-native xen-xl web1', 'without the passwords of its displays'),
  handler: async (options) => {
    const format = nativeFormat(options.format);
    const { domain, xml } = options;
    if (xml !== undefined && domain === undefined) {
      const { definition, warnings } = defineDomain(readUserXml(xml), { ...context, carryUnknown: true });
      printWarnings(warnings);
      printDocument(toXlConfig(definition, format));
    } else if (domain !== undefined && xml === undefined) {
      await using host = await openHost(options);
      const live = parseDomainXml(await dumpXml(host, domain), { trust: 'stored' });
      const { definition, warnings } = readDefinition(live, { lenient: true });
      printWarnings(warnings);
      printDocument(toXlConfig(applyDefaults(definition, context), format));
    } else {
      throw new UsageError('E_USAGE_ARGUMENTS', 'name a domain, or a file with --xml, and not both', {
        hint: 'See `xenferry domxml-to-native --help`.',
      });
    }
  },
};
