import { UsageError } from '../../errors/errors.js';
import type { KnownDomain } from './known-domain.js';

/** Which domains `list` shows, by virsh's names. What is undefined or false does not narrow the list. */
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

/** Within a pair that excludes each other, asking for both is asking for either. */
function pairAllows(yes: boolean | undefined, no: boolean | undefined, is: boolean): boolean {
  if (yes === true && no !== true) return is;
  if (no === true && yes !== true) return !is;
  return true;
}

/** The domains that a filter lets through, in their order. */
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
    // A filter by state says by itself which of them are meant.
    if (!byState && filter.all !== true && active !== (filter.inactive !== true)) return false;
    if (byState && groups[groupOf(domain)] !== true) return false;
    return (
      pairAllows(filter.persistent, filter.transient, domain.stored !== undefined) &&
      pairAllows(filter.autostart, filter.noAutostart, domain.stored?.autostart === true) &&
      pairAllows(filter.managedSave, filter.noManagedSave, domain.managedSave)
    );
  });
}

/** How a list of names is printed: one way only. @throws UsageError `E_USAGE_ARGUMENTS` */
export function checkOneStyle(styles: Readonly<Record<string, boolean>>): void {
  const asked = Object.keys(styles).filter((style) => styles[style]);
  if (asked.length <= 1) return;
  throw new UsageError('E_USAGE_ARGUMENTS', `${asked.map((style) => `--${style}`).join(' and ')} exclude each other`, {
    hint: 'Give one of them.',
  });
}
