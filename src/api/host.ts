import type { Host, HostOptions } from './options/host.js';
import { openLocalHost } from './process/local-host.js';

export type { Host, HostOptions };

/**
 * Opens the host that the options name; without any, the one that the command line would work on. The caller disposes it.
 * @throws UsageError for options and configurations that are wrong; ToolstackError where Xen cannot be reached; SystemError
 * `E_SYSTEM_STATE_DIR`, `E_SYSTEM_LOG_DIR`
 */
export async function openHost(options: HostOptions = {}): Promise<Host> {
  return await openLocalHost(options);
}
