import type { Definition } from '../../domain/definition/model.js';
import { readDefinition } from '../../domain/definition/read.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';

/** What a domain runs as, read. @throws ToolstackError where that cannot be seen; the signal's reason */
export async function runningDefinition(host: Host, id: Domid, signal: AbortSignal): Promise<Definition> {
  const { domain } = await host.toolstack.describe(id, signal);
  return readDefinition(domain, { lenient: true }).definition;
}
