import { UsageError } from '../../errors/errors.js';
import type { KnownDomain } from './known-domain.js';

/** Which domains `list` shows, by virsh's names. An undefined or false value does not narrow the list. */
export interface ListFilter {
  /** Also those that do not run. */
  readonly all?: boolean | undefined;
  /** Only those that do not run. */
  readonly inactive?: boolean | undefined;
  readonly persistent?: boolean | undefined;
  readonly transient?: boolean | undefined;
  readonly autostart?: boolean | undefined;
  readonly noAutostart?: boolean | undefined;
  readonly managedSave?: boolean | undefined;
  readonly noManagedSave?: boolean | undefined;
  readonly stateRunning?: boolean | undefined;
  readonly statePaused?: boolean | undefined;
  readonly stateShutoff?: boolean | undefined;
  readonly stateOther?: boolean | undefined;
}

type StateGroup = 'running' | 'paused' | 'shutoff' | 'other';

function groupOf({ info }: KnownDomain): StateGroup {
  if (info === undefined) return 'shutoff';
  return info.state === 'running' || info.state === 'paused' ? info.state : 'other';
}

/** Both options of an exclusive pair together select either. */
function pairAllows(yes: boolean | undefined, no: boolean | undefined, is: boolean): boolean {
  if (yes === true && no !== true) return is;
  if (no === true && yes !== true) return !is;
  return true;
}

/** The domains that match a filter, in their order. */
export function filterDomains(domains: readonly KnownDomain[], filter: ListFilter): KnownDomain[] {
  const groups: Record<StateGroup, boolean | undefined> = {
    running: filter.stateRunning,
    paused: filter.statePaused,
    shutoff: filter.stateShutoff,
    other: filter.stateOther,
  };
  const byState = Object.values(groups).some((wanted) => wanted === true);
  return domains.filter((domain) => {
    const active = domain.info !== undefined;
    // A filter by state selects by itself.
    if (!byState && filter.all !== true && active !== (filter.inactive !== true)) return false;
    if (byState && groups[groupOf(domain)] !== true) return false;
    return (
      pairAllows(filter.persistent, filter.transient, domain.stored !== undefined) &&
      pairAllows(filter.autostart, filter.noAutostart, domain.stored?.autostart === true) &&
      pairAllows(filter.managedSave, filter.noManagedSave, domain.managedSave)
    );
  });
}

/** Checks that at most one style of output is selected. @throws UsageError `E_USAGE_ARGUMENTS` */
export function checkOneStyle(styles: Readonly<Record<string, boolean>>): void {
  const asked = Object.keys(styles).filter((style) => styles[style]);
  if (asked.length <= 1) return;
  throw new UsageError('E_USAGE_ARGUMENTS', `${asked.map((style) => `--${style}`).join(' and ')} exclude each other`, {
    hint: 'Use one of them.',
  });
}
