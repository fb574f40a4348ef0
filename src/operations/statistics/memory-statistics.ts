import type { Host } from '../../host/host.js';
import { runningGuest } from './running-guest.js';

/** Memory of a domain. */
export interface MemoryStatistics {
  /** Its present memory. */
  readonly memoryKiB: number;
  /** Its maximum: its definition's memory, not what Xen has reserved for it (S48). */
  readonly maxMemoryKiB: number;
}

/** The memory of a running domain. @throws as `runningGuest` */
export async function memoryStatistics(host: Host, ref: string, signal: AbortSignal): Promise<MemoryStatistics> {
  const { info, config } = await runningGuest(host, ref, signal);
  return { memoryKiB: info.memoryKiB, maxMemoryKiB: config.domain.memoryMaxKiB };
}
