import type { Host } from '../host.js';

export interface MemoryStatistics {
  /** What the domain has now. */
  readonly memoryKiB: number;
  /** What it can have: its definition's memory, never what Xen has set aside for it (S48). */
  readonly maxMemoryKiB: number;
}

/** The memory of a running domain. @throws RefusedError `E_REFUSED_NOT_RUNNING` */
export async function memoryStatistics(host: Host, ref: string): Promise<MemoryStatistics> {
  const { domid, memoryKiB } = await host.find(ref);
  const { domain } = await host.toolstack.describe(domid);
  return { memoryKiB, maxMemoryKiB: domain.memoryMaxKiB };
}
