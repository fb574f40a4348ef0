import { ToolstackError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { dom0MemOf } from '../../host/memory/dom0-mem.js';

/** Domain 0, as `dominfo` shows it: it is always there, running, and nobody's to change. */
export interface Dom0Details {
  readonly memoryKiB: number;
  /** The most that it can have: what Xen was told, or all of the machine's (S49). */
  readonly maxMemoryKiB: number;
  readonly vcpus: number;
}

/** @throws ToolstackError `E_TOOLSTACK_NO_DOM0` where the host has none */
export async function dom0Details(host: Host, signal?: AbortSignal): Promise<Dom0Details> {
  const { dom0, commandLine = '', totalMemoryKiB } = await host.toolstack.host(signal);
  if (dom0 === undefined) {
    throw new ToolstackError('E_TOOLSTACK_NO_DOM0', 'this host has no domain 0', {
      hint: 'An embedded host has one where `dom0MemoryKiB` in its host.json says how much memory that takes.',
    });
  }
  const { maxKiB } = dom0MemOf(commandLine, totalMemoryKiB);
  return { memoryKiB: dom0.memoryKiB, maxMemoryKiB: maxKiB ?? totalMemoryKiB, vcpus: dom0.vcpus };
}
