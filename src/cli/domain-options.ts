import type { Argv, CommandModule } from 'yargs';
import type { Host } from '../api/internal/host.js';
import { printable } from '../api/internal/text.js';
import { openHost, type GlobalOptions } from './open.js';
import { printLine } from './output.js';
import { StopSignals } from './stop-signals.js';
import { flag } from './verb-options.js';

export { readUserBytes, readUserFile, readUserXml } from './user-file.js';
export { flag } from './verb-options.js';

export type JsonOptions = GlobalOptions & { json: boolean };
export type DomainOptions = GlobalOptions & { domain: string };

/** `--json`, for verbs that scripts call. */
export const jsonOption = <T>(yargs: Argv<T>): Argv<T & { json: boolean }> =>
  yargs.option('json', { type: 'boolean', default: false, describe: 'print JSON' });

/** The domain that a verb is about. */
export const domainArgument = <T>(yargs: Argv<T>): Argv<T & { domain: string }> =>
  yargs.positional('domain', { type: 'string', demandOption: true, describe: 'name, UUID or id' });

/** For verbs that start a guest; docs/guides/leases.md describes the risk. */
export const forceLeaseFlag = flag(
  'take its disks from a host that is dead for good; if their guest runs there after all, both destroy the disks',
);

/** A printable name: one that was stored before names were checked may contain anything (S39). */
export const shownName = printable;

/** A verb for one operation on one domain. */
export function simpleVerb(about: {
  readonly verb: string;
  readonly describe: string;
  readonly example: string;
  /** The text after `Domain NAME`. */
  readonly done: string;
  readonly work: (host: Host, ref: string, signal: AbortSignal) => Promise<{ readonly name: string }>;
}): CommandModule<GlobalOptions, DomainOptions> {
  return {
    command: `${about.verb} <domain>`,
    describe: about.describe,
    builder: (yargs) => domainArgument(yargs).example(`$0 ${about.verb} web1`, about.example),
    handler: async (options) => {
      await using host = await openHost(options);
      using stop = new StopSignals();
      const { name } = await about.work(host, options.domain, stop.cancel);
      printLine(`Domain ${shownName(name)} ${about.done}`);
    },
  };
}
