import { isElement, textOf } from '../../xml/element.js';
import type { Domain } from '../../domain/model.js';
import type { Host } from '../../host/host.js';
import type { DamagedDefinition } from '../../host/registry/definitions.js';
import { filterDomains, type ListFilter } from '../../host/registry/list-filter.js';
import { stateText } from '../running/state-text.js';

/** A domain as lists show it. */
export interface ListedDomain {
  /** Null if it does not run. */
  readonly id: number | null;
  readonly name: string;
  readonly uuid: string;
  /** `running`, `paused`, `dying`; the reason for a domain that stopped; `shut off` for one that does not run. */
  readonly state: string;
  /** Whether its definition remains when it stops. */
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly managedSave: boolean;
  readonly title: string | null;
}

/** The domains that match the filter, and every definition that cannot be read. */
export async function listDomains(
  host: Host,
  filter: ListFilter,
): Promise<{ readonly domains: ListedDomain[]; readonly damaged: readonly DamagedDefinition[] }> {
  const { domains, damaged } = await host.known();
  return {
    damaged,
    domains: filterDomains(domains, filter).map(({ uuid, name, info, stored, managedSave }) => ({
      id: info?.domid ?? null,
      name,
      uuid,
      state: stateText(info),
      persistent: stored !== undefined,
      autostart: stored?.autostart === true,
      managedSave,
      title: titleOf(stored?.domain) ?? null,
    })),
  };
}

/** A domain's title from its definition, for people. */
export function titleOf(domain: Domain | undefined): string | undefined {
  const title = domain?.rest.find((child) => isElement(child) && child.name === 'title');
  return title === undefined ? undefined : textOf(title);
}
