import type { XmlElement } from '../xml/element.js';
import type { CpuSet } from './cpu-set.js';

/** How Xen runs the guest. */
export type GuestType = 'pv' | 'pvh' | 'hvm';

/** A domain's definition: the content of its domain XML, after defaults were set. Immutable. */
export interface Domain {
  readonly name: string;
  /** Lower-case, with dashes. */
  readonly uuid: string;
  readonly type: GuestType;
  /** Total memory, in KiB; the guest's maximum (S15). */
  readonly memoryMaxKiB: number;
  /** Memory at start, in KiB. */
  readonly memoryCurrentKiB: number;
  readonly vcpusMax: number;
  readonly vcpusCurrent: number;
  /** Processors of the host that its own may run on; undefined: all. */
  readonly vcpuCpuset?: CpuSet | undefined;
  /** Children of `<metadata>`, each in a namespace of its own; not read by xenferry, except its own. */
  readonly metadata: readonly XmlElement[];
  /**
   * Children of `<domain>` without a field above, in their order: passed from host
   * to host unchanged.
   */
  readonly rest: readonly XmlElement[];
}
