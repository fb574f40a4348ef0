import type { Argv } from 'yargs';
import type { ImpactFlags } from '../api/internal/impact.js';
import { flag } from './domain-options.js';

/** `--live`, `--config`, `--current`: what a change, or a question, is about. */
export const impactOptions = <T>(yargs: Argv<T>): Argv<T & ImpactFlags> =>
  yargs
    .option('live', flag('the domain that runs'))
    .option('config', flag('the definition that its next start uses'))
    .option('current', flag('what runs where it runs, else the definition; the default'));
