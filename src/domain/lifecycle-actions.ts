import { textOf } from '../xml/element.js';
import { CRASH_ACTIONS, LIFECYCLE_ACTIONS, type CrashAction, type LifecycleAction } from './definition/model.js';
import type { Domain } from './model.js';

/** What is to happen when a guest stops by itself; complete. */
export interface LifecycleActions {
  readonly onPoweroff: LifecycleAction;
  readonly onReboot: LifecycleAction;
  readonly onCrash: CrashAction;
}

function choice<T extends string>(domain: Domain, name: string, choices: readonly T[], otherwise: T): T {
  const said = domain.rest.find((element) => element.name === name);
  const text = said === undefined ? undefined : textOf(said);
  // What came from a peer was carried as it is: a word that we do not know is none.
  return choices.find((one) => one === text) ?? otherwise;
}

/** The actions in a domain's XML; libvirt's defaults where it says nothing. */
export function lifecycleActions(domain: Domain): LifecycleActions {
  return {
    onPoweroff: choice(domain, 'on_poweroff', LIFECYCLE_ACTIONS, 'destroy'),
    onReboot: choice(domain, 'on_reboot', LIFECYCLE_ACTIONS, 'restart'),
    onCrash: choice(domain, 'on_crash', CRASH_ACTIONS, 'destroy'),
  };
}
