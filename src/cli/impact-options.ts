import type { Argv } from 'yargs';
import type { ImpactFlags } from '../api/internal/impact.js';
import { flag } from './domain-options.js';

/** `--live`, `--config`, `--current`: what a change or a query applies to. */
export const impactOptions = <T>(yargs: Argv<T>): Argv<T & ImpactFlags> =>
  yargs
    .option('live', flag('the running domain'))
    .option('config', flag('the definition that its next start uses'))
    .option('current', flag('the running domain if it runs, else the definition; the default'));
