import type { Host } from '../../host/host.js';
import { runningGuest } from './running-guest.js';

export interface MemoryStatistics {
  /** What the domain has now. */
  readonly memoryKiB: number;
  /** What it can have: its definition's memory, never what Xen has set aside for it (S48). */
  readonly maxMemoryKiB: number;
}

/** The memory of a running domain. @throws as `runningGuest` */
export async function memoryStatistics(host: Host, ref: string, signal: AbortSignal): Promise<MemoryStatistics> {
  const { info, config } = await runningGuest(host, ref, signal);
  return { memoryKiB: info.memoryKiB, maxMemoryKiB: config.domain.memoryMaxKiB };
}
