import type { DomainInfo as DriverInfo, DomainState } from '../../toolstack/toolstack.js';

export type { DomainState };

/** A domain that runs, as its host sees it. */
export interface RunningDomain {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly state: DomainState;
  readonly memoryKiB: number;
  readonly maxMemoryKiB: number;
  readonly vcpus: number;
  readonly cpuTimeNs: bigint;
}

/** A domain of the driver as programs see it. */
export function runningDomain(info: DriverInfo): RunningDomain {
  const { domid, uuid, name, state, memoryKiB, maxMemoryKiB, vcpus, cpuTimeNs } = info;
  return { id: domid, uuid, name, state, memoryKiB, maxMemoryKiB, vcpus, cpuTimeNs };
}
