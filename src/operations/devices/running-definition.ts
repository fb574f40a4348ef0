import type { Definition } from '../../domain/definition/model.js';
import { readDefinition } from '../../domain/definition/read.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';

/** The configuration of a running domain, parsed. @throws ToolstackError if it cannot be read; the signal's reason */
export async function runningDefinition(host: Host, id: Domid, signal: AbortSignal): Promise<Definition> {
  const { domain } = await host.toolstack.describe(id, signal);
  return readDefinition(domain, { lenient: true }).definition;
}
