import { ToolstackError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { dom0MemOf } from '../../host/memory/dom0-mem.js';

/** Domain 0, as `dominfo` shows it: it is always present and running, and cannot be changed. */
export interface Dom0Details {
  readonly memoryKiB: number;
  /** Its maximum: what Xen was configured with, or all memory of the machine (S49). */
  readonly maxMemoryKiB: number;
  readonly vcpus: number;
}

/** The details of domain 0. @throws ToolstackError `E_TOOLSTACK_NO_DOM0` if the host has none */
export async function dom0Details(host: Host, signal?: AbortSignal): Promise<Dom0Details> {
  const { dom0, commandLine = '', totalMemoryKiB } = await host.toolstack.host(signal);
  if (dom0 === undefined) {
    throw new ToolstackError('E_TOOLSTACK_NO_DOM0', 'this host has no domain 0', {
      hint: 'An embedded host has one where `dom0MemoryKiB` in its host.json sets its memory.',
    });
  }
  const { maxKiB } = dom0MemOf(commandLine, totalMemoryKiB);
  return { memoryKiB: dom0.memoryKiB, maxMemoryKiB: maxKiB ?? totalMemoryKiB, vcpus: dom0.vcpus };
}
