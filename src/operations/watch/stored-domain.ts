import type { Domain } from '../../domain/model.js';
import type { Host } from '../../host/host.js';

/** The definition that is kept of a domain; undefined where there is none that can be read: what it ran as is not known then. */
export function storedDomain(host: Host, uuid: string): Domain | undefined {
  try {
    return host.definitions.get(uuid)?.domain;
  } catch {
    return undefined;
  }
}
