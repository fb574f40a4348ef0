import { textOf } from '../xml/element.js';
import { CRASH_ACTIONS, LIFECYCLE_ACTIONS, type CrashAction } from './definition/model.js';
import { settingsOf } from './libxl-json/xl-metadata.js';
import type { Domain } from './model.js';

/** xl's actions: those of domain XML, a core dump and a soft reset for any reason. */
export type EndAction = CrashAction | 'soft-reset';
const END_ACTIONS: readonly EndAction[] = [...CRASH_ACTIONS, 'soft-reset'];

/** What is to happen when a guest stops by itself. */
export interface LifecycleActions {
  readonly onPoweroff: EndAction;
  readonly onReboot: EndAction;
  readonly onCrash: EndAction;
  /** Undefined: nothing is said of it. */
  readonly onWatchdog: EndAction | undefined;
  readonly onSoftReset: EndAction | undefined;
}

function choice<T extends EndAction>(domain: Domain, name: string, choices: readonly T[], otherwise: T): T {
  const said = domain.rest.find((element) => element.name === name);
  const text = said === undefined ? undefined : textOf(said);
  // What came from a peer was carried as it is: a word that is not known is none.
  return choices.find((one) => one === text) ?? otherwise;
}

/** What the settings for xl in its metadata say; damaged ones say nothing. */
function setting(domain: Domain, key: string): EndAction | undefined {
  try {
    const said = settingsOf(domain).get(key);
    return END_ACTIONS.find((one) => one === said);
  } catch {
    return undefined;
  }
}

/**
 * The actions of a domain; libvirt's defaults where it says nothing.
 * @param stored its definition: libxl leaves `destroy` out of a running domain's configuration, where it may be what was asked for
 */
export function lifecycleActions(domain: Domain, stored?: Domain): LifecycleActions {
  const settled = (key: string): EndAction | undefined =>
    setting(domain, key) ?? (stored === undefined ? undefined : setting(stored, key));
  return {
    onPoweroff: setting(domain, 'on_poweroff') ?? choice(domain, 'on_poweroff', LIFECYCLE_ACTIONS, 'destroy'),
    onReboot: setting(domain, 'on_reboot') ?? choice(domain, 'on_reboot', LIFECYCLE_ACTIONS, 'restart'),
    onCrash: setting(domain, 'on_crash') ?? choice(domain, 'on_crash', CRASH_ACTIONS, 'destroy'),
    onWatchdog: settled('on_watchdog'),
    onSoftReset: settled('on_soft_reset'),
  };
}
