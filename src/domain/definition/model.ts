import type { XmlElement } from '../../xml/element.js';
import type { CpuSet } from '../cpu-set.js';
import type { Domain } from '../model.js';
import type { Clock } from './clock.js';
import type { Cpu } from './cpu.js';
import type { Device } from './devices/device.js';
import type { Features } from './features.js';
import type { Os } from './os.js';
import type { PowerManagement } from './power.js';

export const LIFECYCLE_ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve'] as const;
export const CRASH_ACTIONS = [...LIFECYCLE_ACTIONS, 'coredump-destroy', 'coredump-restart'] as const;

export type LifecycleAction = (typeof LIFECYCLE_ACTIONS)[number];
export type CrashAction = (typeof CRASH_ACTIONS)[number];

/** Actions when the guest stops by itself. Undefined until defaults are set. */
export interface Lifecycle {
  readonly onPoweroff: LifecycleAction | undefined;
  readonly onReboot: LifecycleAction | undefined;
  readonly onCrash: CrashAction | undefined;
}

/** `<vcpupin>`. */
export interface VcpuPin {
  readonly vcpu: number;
  readonly cpus: CpuSet;
}

/**
 * A domain with all settings that Xen supports, read from domain XML by `readDefinition`. It is
 * not a `Domain`: `toDomain` makes one, so that no field is forgotten on the way.
 */
export interface Definition extends Omit<Domain, 'rest'> {
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** Generation id of the guest; empty if the host is to generate one. */
  readonly genid: string | undefined;
  readonly os: Os;
  readonly pins: readonly VcpuPin[];
  /** Scheduler weight. */
  readonly cpuShares: number | undefined;
  readonly features: Features;
  readonly cpu: Cpu | undefined;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly power?: PowerManagement | undefined;
  /** Content of `<numatune>` other than the nodes of the guest's cells; kept. */
  readonly numaTuneRest?: readonly XmlElement[] | undefined;
  readonly emulator: string | undefined;
  readonly devices: readonly Device[];
  /** Arguments handed to the device model as they are (L15). */
  readonly deviceModelArgs: readonly string[];
  /** Children of `<domain>` that are kept and not read: security labels, and content that a lenient reading ignored. */
  readonly foreign: readonly XmlElement[];
}
