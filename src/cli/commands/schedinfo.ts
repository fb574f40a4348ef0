import type { CommandModule } from 'yargs';
import type { ImpactFlags } from '../../api/internal/impact.js';
import { setScheduling, shownScheduling, type ShownScheduling } from '../../api/internal/tuning.js';
import { domainArgument, jsonOption, type DomainOptions, type JsonOptions } from '../domain-options.js';
import { impactOptions } from '../impact-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine } from '../output.js';
import { changeOf } from '../scheduling-words.js';
import { StopSignals } from '../stop-signals.js';

type SchedinfoOptions = JsonOptions &
  DomainOptions &
  ImpactFlags & { weight?: string | undefined; cap?: string | undefined; set?: string[] | undefined };

export const schedinfoCommand: CommandModule<GlobalOptions, SchedinfoOptions> = {
  command: 'schedinfo <domain>',
  describe: "show or set a domain's share of the host's processor time",
  builder: (yargs) =>
    impactOptions(jsonOption(domainArgument(yargs)))
      .option('weight', {
        type: 'string',
        describe: 'its relative share, 1 to 65535; the default is 256',
      })
      .option('cap', {
        type: 'string',
        describe: 'its limit, in percent of one processor; 0: no limit; only while it runs',
      })
      .option('set', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'the same in virsh syntax: weight=W or cap=C',
      })
      .example('$0 schedinfo web1', 'scheduler, weight and cap; -: its host decides when it starts')
      .example(
        '$0 schedinfo web1 --weight 512 --cap 150',
        'twice the usual share, never over one and a half processors',
      )
      .example('$0 schedinfo web1 --weight 512 --live --config', 'now, and from its next start on'),
  handler: async ({ live, config, current, weight, cap, set, ...options }) => {
    const change = changeOf({ weight, cap }, set ?? []);
    const flags = { live, config, current };
    await using host = await openHost(options);
    using stop = new StopSignals();
    const now =
      change === undefined
        ? await shownScheduling(host, options.domain, flags, stop.cancel)
        : await setScheduling(host, options.domain, { ...change, flags, signal: stop.cancel });
    print(now, options.json);
  },
};

function print({ scheduler, weight, cap }: ShownScheduling, json: boolean): void {
  if (json) {
    printJson({ scheduler: scheduler ?? null, weight: weight ?? null, cap: cap ?? null });
    return;
  }
  for (const [name, value] of [
    ['Scheduler', scheduler],
    ['weight', weight],
    ['cap', cap],
  ] as const) {
    printLine(`${name.padEnd(15)}: ${value ?? '-'}`);
  }
}
