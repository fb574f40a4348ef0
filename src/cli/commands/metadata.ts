import type { Argv, CommandModule } from 'yargs';
import { UsageError } from '../../api/errors.js';
import { printableDocument } from '../../api/internal/text.js';
import type { ImpactFlags } from '../../api/internal/impact.js';
import {
  domainText,
  metadataOf,
  removeMetadata,
  setDomainText,
  setMetadata,
  type DomainText,
} from '../../api/internal/metadata.js';
import { domainArgument, flag, shownName, type DomainOptions } from '../domain-options.js';
import { impactOptions } from '../impact-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printDocument, printLine } from '../output.js';
import { StopSignals } from '../stop-signals.js';

/** virsh opens an editor here; a verb of ours does nothing that a script could not. */
const editOption = <T>(yargs: Argv<T>): Argv<T & { edit: boolean }> =>
  yargs.option('edit', flag('refused: see the hint'));

function refuseEdit(edit: boolean, instead: string): void {
  if (!edit) return;
  throw new UsageError('E_USAGE_METADATA', '--edit is not done here: no editor is opened', { hint: instead });
}

type MetadataOptions = DomainOptions &
  ImpactFlags & {
    uri: string;
    key?: string | undefined;
    set?: string | string[] | undefined;
    remove: boolean;
    edit: boolean;
  };

export const metadataCommand: CommandModule<GlobalOptions, MetadataOptions> = {
  command: 'metadata <domain> <uri>',
  describe: "show, set or remove an element of a domain's metadata",
  builder: (yargs) =>
    editOption(impactOptions(domainArgument(yargs)))
      .positional('uri', {
        type: 'string',
        demandOption: true,
        describe: 'URI of the namespace, of which there is one element',
      })
      .option('key', { type: 'string', describe: 'prefix of the namespace; needed with --set' })
      .option('set', { type: 'string', describe: 'XML of the element, without the namespace' })
      .option('remove', flag('take the element out'))
      .example('$0 metadata web1 http://example.org/app', 'print the element')
      .example("$0 metadata web1 http://example.org/app --key app --set '<owner>ops</owner>' --live --config", ''),
  handler: async (options) => {
    const { domain, uri, key, set } = options;
    refuseEdit(options.edit, 'Print the element to a file, edit that, and give it to --set.');
    // Other verbs take several.
    if (Array.isArray(set)) throw new UsageError('E_USAGE_REPEATED', '--set is given twice', { hint: 'Give it once.' });
    if (options.remove && set !== undefined) {
      throw new UsageError('E_USAGE_METADATA', '--remove excludes --set', { hint: 'Give one of them.' });
    }
    if (set !== undefined && key === undefined) {
      throw new UsageError('E_USAGE_METADATA', 'namespace key is required when modifying metadata', {
        hint: 'Add --key PREFIX.',
      });
    }
    const request = { domain, uri, flags: options };
    await using host = await openHost(options);
    using stop = new StopSignals();
    if (options.remove) {
      await removeMetadata(host, request, stop.cancel);
      printLine('Metadata removed');
    } else if (set !== undefined && key !== undefined) {
      await setMetadata(host, request, { key, xml: set }, stop.cancel);
      printLine('Metadata modified');
    } else {
      printDocument(await metadataOf(host, request));
    }
  },
};

type DescOptions = DomainOptions &
  ImpactFlags & { words: string[] | undefined; title: boolean; edit: boolean; 'new-desc'?: string | undefined };

export const descCommand: CommandModule<GlobalOptions, DescOptions> = {
  command: 'desc <domain> [words..]',
  describe: "show or set a domain's description or title",
  builder: (yargs) =>
    editOption(impactOptions(domainArgument(yargs)))
      .positional('words', { type: 'string', array: true, describe: 'the new one; its words are joined by blanks' })
      .option('title', flag('the title instead of the description'))
      .option('new-desc', { type: 'string', describe: 'the new one; empty: none from now on' })
      .example('$0 desc web1', 'print the description')
      .example('$0 desc web1 --title --live --config "Web server"', 'set the title, now and for the next start'),
  handler: async (options) => {
    refuseEdit(options.edit, 'Give the new text as an argument.');
    const which: DomainText = options.title ? 'title' : 'description';
    const words = options.words ?? [];
    if (words.length > 0 && options['new-desc'] !== undefined) {
      throw new UsageError('E_USAGE_METADATA', 'the new text is given twice', { hint: 'Give it once.' });
    }
    const text = options['new-desc'] ?? (words.length === 0 ? undefined : words.join(' '));
    await using host = await openHost(options);
    using stop = new StopSignals();
    if (text !== undefined) {
      await setDomainText(host, options.domain, { which, text }, options, stop.cancel);
      printLine(`Domain ${which} updated successfully`);
      return;
    }
    const now = await domainText(host, options.domain, which, options);
    printLine(now === '' ? `No ${which} for domain: ${shownName(options.domain)}` : printableDocument(now));
  },
};
