import type { Host as HostDriver } from '../host/host.js';
import type { EvacuateOptions, Evacuated, EvacuationPlan } from './options/evacuate.js';
import type { Host } from './options/host.js';
import { settingsOf, type Settings } from './process/dialing.js';
import { evacuateWith, planWith, type EvacuationWays } from './process/evacuate-with.js';
import { localHost } from './process/local-host.js';
import { migrateWith } from './process/migrate-with.js';

export type {
  EvacuateOptions,
  Evacuated,
  EvacuationAttempt,
  EvacuationPlan,
  EvacuationReport,
  Leaver,
  Left,
  Move,
  Route,
  SeenDestination,
} from './options/evacuate.js';

function ownWays(host: HostDriver, settings: Settings, options: EvacuateOptions): EvacuationWays {
  return {
    settings,
    move: (migration) => migrateWith(host, settings, migration),
    asker: () => options.askPassphrase,
  };
}

/**
 * Moves every domain of the host to others. Meanwhile the host accepts none. A domain that cannot leave stays, and keeps no other
 * from leaving: the report has all of them.
 * @throws UsageError for wrong options; RefusedError `E_REFUSED_NO_DESTINATION`, `E_REFUSED_EVACUATING`, and for an excluded
 * domain that is not there
 */
export async function evacuate(host: Host, options: EvacuateOptions): Promise<Evacuated> {
  const driver = localHost(host);
  return await evacuateWith(driver, options, ownWays(driver, settingsOf(driver), options));
}

/** Who would go where, and which destinations answer. Nothing is moved. @throws as `evacuate` */
export async function planEvacuation(host: Host, options: EvacuateOptions): Promise<EvacuationPlan> {
  const driver = localHost(host);
  return await planWith(driver, options, ownWays(driver, settingsOf(driver), options));
}
