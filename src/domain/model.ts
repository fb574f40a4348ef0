import type { XmlElement } from '../xml/element.js';
import type { CpuSet } from './cpu-set.js';

/** How Xen runs the guest. */
export type GuestType = 'pv' | 'pvh' | 'hvm';

/** A domain's definition: what domain XML says, after defaults were set. Immutable. */
export interface Domain {
  readonly name: string;
  /** Lower-case, with dashes. */
  readonly uuid: string;
  readonly type: GuestType;
  /** Total memory, in KiB; the most the guest can ever have (S15). */
  readonly memoryMaxKiB: number;
  /** What the guest starts with, in KiB. */
  readonly memoryCurrentKiB: number;
  readonly vcpusMax: number;
  readonly vcpusCurrent: number;
  /** Processors of the host that its own may run on; undefined: all. */
  readonly vcpuCpuset?: CpuSet | undefined;
  /** Children of `<metadata>`, each in a namespace of its own; never read by xenferry but for its own. */
  readonly metadata: readonly XmlElement[];
  /**
   * Children of `<domain>` that none of the fields above speaks for, in their order: carried from host
   * to host as they are.
   */
  readonly rest: readonly XmlElement[];
}
