import type { Annotations } from '../domain/annotations.js';
import type { CpuSet } from '../domain/cpu-set.js';
import type { Disk } from '../domain/definition/devices/disk.js';
import type { Pluggable } from '../domain/definition/pluggable.js';
import type { Domain } from '../domain/model.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import type { Domid } from './domid.js';

/** Why a domain stopped: libxl's shutdown reasons (libxl_types.idl, `shutdown_reason`). */
export type ShutdownReason = 'poweroff' | 'reboot' | 'suspend' | 'crash' | 'watchdog' | 'soft_reset' | 'unknown';

/**
 * `shutdown` with reason `suspend` is a domain whose memory has been saved and which may be resumed. `pmsuspended` is one that was
 * suspended to memory on purpose: a toolstack calls that `shutdown`, and `Host` tells the two apart by its note of the run.
 */
export type DomainState = 'running' | 'paused' | 'pmsuspended' | 'shutdown' | 'dying';

/** One domain as its host sees it now (libxl_dominfo). */
export interface DomainInfo {
  readonly domid: Domid;
  readonly uuid: string;
  readonly name: string;
  readonly state: DomainState;
  /** Present exactly when the state is `shutdown`. */
  readonly shutdownReason?: ShutdownReason;
  readonly memoryKiB: number;
  readonly maxMemoryKiB: number;
  readonly vcpus: number;
  readonly cpuTimeNs: bigint;
}

/** A virtual processor as it is now: what a definition says of one is `VcpuPin` (S18). */
export interface VcpuInfo {
  readonly number: number;
  /** Running and blocked ones are online. */
  readonly state: 'running' | 'blocked' | 'offline';
  /** The processor that it is on; undefined where it is on none. */
  readonly cpu: number | undefined;
  readonly cpuTimeNs: bigint;
  /** Processors that it may run on; undefined: all. */
  readonly affinity: CpuSet | undefined;
}

/** A domain's part in the processors of its host, where the scheduler goes by weight and cap (S35, L02). */
export interface Scheduling {
  readonly scheduler: 'credit' | 'credit2';
  /** Its share beside the others', 1 to 65535: one of twice the weight gets twice the time. Xen begins with 256. */
  readonly weight: number;
  /** The most that it gets, in percent of one processor; 0: no limit. */
  readonly cap: number;
}

/** What is to be changed of it; what is not said stays. */
export interface SchedulingChange {
  readonly weight?: number | undefined;
  readonly cap?: number | undefined;
}

/** What a guest says of itself; only the embedded host can look inside one. */
export interface GuestReport {
  /** Heartbeats since the guest booted; it goes on across a migration. */
  readonly ticks: number;
  /** Pages compared with what the guest itself knows they must hold. */
  readonly checked: number;
  /** Pages that were lost, stale or misplaced. */
  readonly bad: number;
  /** SHA-256 over all page frames; given for guests whose inside is not known (restored from a foreign stream). */
  readonly memoryDigest?: string;
}

/** What one toolstack can do and another may not (S25): ask `HostInfo.lacks` before use. */
export const ABILITIES = [
  'balloon',
  'vcpu-hotplug',
  'vcpu-info',
  'vcpu-pinning',
  'scheduling',
  'buttons',
  'core-dump',
  'dom0-balloon',
  'disk-hotplug',
  'disk-safe-detach',
  'interface-hotplug',
  'usb-hotplug',
  'media-change',
  'pm-suspend',
  'soft-reset',
] as const;
export type Ability = (typeof ABILITIES)[number];

/** Domain 0, for looking at only. */
export interface Dom0Info {
  readonly memoryKiB: number;
  /** That are online. */
  readonly vcpus: number;
  readonly vcpusMax: number;
}

/** The host under the toolstack. */
export interface HostInfo {
  readonly hostname: string;
  readonly toolstack: 'libxl' | 'embedded';
  /** As the toolstack prints it: `4.17.7`, or xenferry's own version for the embedded host. */
  readonly version: string;
  readonly totalMemoryKiB: number;
  readonly freeMemoryKiB: number;
  readonly cpus: number;
  /** The hypervisor's; absent: not known. */
  readonly commandLine?: string | undefined;
  /** The host itself, as a domain; absent: not known, or there is none. */
  readonly dom0?: Dom0Info | undefined;
  /** Save-stream versions that this toolstack can restore; it writes the highest. */
  readonly streamVersions: readonly number[];
  /** What it cannot do; a call that needs it rejects with the toolstack's own error. */
  readonly lacks: readonly Ability[];
  /** Kinds of guests, in Xen's own words: `xen-3.0-x86_64`, `hvm-3.0-x86_32p`. */
  readonly guestAbis: readonly string[];
  /** Undefined where the toolstack does not know. */
  readonly processors?: {
    readonly coresPerSocket: number;
    readonly threadsPerCore: number;
    /** libxl's hw_cap: words of CPUID, as Xen has numbered them since 4.7. */
    readonly cpuidWords: readonly number[];
  };
}

/**
 * What a toolstack needs to make a domain. `native` is the toolstack's own form of the same
 * configuration (libxl's JSON), carried along so that nothing is lost where both hosts speak it;
 * name and UUID always come from `domain`.
 */
export interface GuestConfig {
  readonly domain: Domain;
  readonly native?: { readonly format: 'libxl-json'; readonly text: string };
}

/** What is heard while a save or restore goes on. Times are the host's monotonic clock, in ms. */
export type TransferEvent =
  | {
      readonly type: 'round';
      /** 0 is the first pass over all memory. */
      readonly round: number;
      readonly pagesSent: number;
      readonly pagesTotal: number;
    }
  | { readonly type: 'suspended'; readonly atMs: number }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warning' | 'error'; readonly text: string };

export interface TransferOptions {
  readonly signal: AbortSignal;
  readonly onEvent?: (event: TransferEvent) => void;
}

export interface SaveOptions extends TransferOptions {
  /** Copy memory while the guest runs; otherwise it is suspended first. */
  readonly live: boolean;
}

export interface RestoreOptions extends TransferOptions {
  /** Version of the save stream, from the migration cookie (S01). */
  readonly streamVersion: number;
}

export interface DetachOptions {
  /** Take it from a guest that uses it: what the guest has not written yet is lost. */
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type ToolstackEvent =
  | { readonly type: 'shutdown'; readonly domid: Domid; readonly uuid: string; readonly reason: ShutdownReason }
  | { readonly type: 'death'; readonly domid: Domid; readonly uuid: string }
  | { readonly type: 'disk-eject'; readonly domid: Domid; readonly uuid: string; readonly vdev: string };

/**
 * Who does the work: libxl on a Xen host, or the embedded host. Shaped after libxl's calls.
 *
 * Every call rejects with a `ToolstackError` (`E_TOOLSTACK_*`), a `RefusedError` when nothing was
 * touched, or an `AbortedError` when its signal fired. A toolstack refuses domain 0 for anything
 * that stops, moves, renames or kills it, by taking `Domid`s only.
 */
export interface Toolstack extends AsyncDisposable {
  readonly uri: string;
  /** Folder that holds the `proc` and `sys` of the kernel which serves its guests their disks and cards: `/` on a Xen host. */
  readonly kernelFiles: string;
  /** Folder under which other programs of the host keep what they tell, such as its DHCP server: `/` on a Xen host. */
  readonly hostFiles: string;
  host(signal?: AbortSignal): Promise<HostInfo>;

  /** Guests only: domain 0 is never in the list. */
  list(signal?: AbortSignal): Promise<DomainInfo[]>;
  /** By id, UUID or name, in this order; undefined where there is none. */
  lookup(ref: string, signal?: AbortSignal): Promise<DomainInfo | undefined>;
  /** Undefined where the domain has gone. */
  info(id: Domid, signal?: AbortSignal): Promise<DomainInfo | undefined>;
  /** The live configuration, whoever started the domain. */
  describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig>;

  /** How much free memory it takes to make this domain, in KiB, what the hypervisor itself needs for it included. */
  neededMemory(config: GuestConfig, signal?: AbortSignal): Promise<number>;
  /**
   * Asks domain 0 to make do with so much memory, in KiB: less than it has, never more. The one call that changes anything about domain
   * 0, and all that it can do to it. Resolves once asked.
   * @throws RefusedError `E_REFUSED_DOMAIN0` for an amount that is no less than it has
   */
  setDom0Target(kib: number, signal?: AbortSignal): Promise<void>;

  /** Makes and builds a domain; it is left paused. */
  create(config: GuestConfig, signal?: AbortSignal): Promise<Domid>;
  /**
   * Makes a domain from a save stream; it is left paused. Takes the fd over and closes it in every
   * case. When it rejects, no part of the domain is left.
   */
  restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid>;
  /**
   * Writes the domain's save stream, END record included. Takes the fd over and closes it in every
   * case. On success the domain stays behind in state shutdown/suspend. On failure it is as the
   * failure left it: running, or shutdown/suspend; ask `info` and call `resume` (facts 2.3).
   */
  save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void>;
  /** Lets a domain in shutdown/suspend run again, co-operatively (libxl's suspend_cancel). */
  resume(id: Domid, signal?: AbortSignal): Promise<void>;

  /**
   * Lets a running guest suspend itself and stay in memory, as before a save: it is then in shutdown/suspend, and `resume` lets it run
   * on (libxl_domain_suspend_only). When it rejects, the guest may have suspended all the same: ask `info`.
   */
  suspendToMemory(id: Domid, signal?: AbortSignal): Promise<void>;
  /**
   * Makes a guest that has shut down anew around its memory, from which the kernel starts that it left there (shutdown reason soft_reset). The
   * domain keeps its id and is left paused (libxl_domain_soft_reset).
   * @throws ToolstackError `E_TOOLSTACK_INVAL` where the guest is not HVM; any other error may have cost the domain
   */
  softReset(id: Domid, signal?: AbortSignal): Promise<void>;
  /** Ends the ACPI S3 sleep of an HVM guest; one that does not sleep ignores it. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other */
  wakeFromS3(id: Domid, signal?: AbortSignal): Promise<void>;

  pause(id: Domid, signal?: AbortSignal): Promise<void>;
  unpause(id: Domid, signal?: AbortSignal): Promise<void>;
  /** Replaces what a running domain's title, description and metadata are; they stay with the domain for as long as it runs. */
  annotate(id: Domid, annotations: Annotations, signal?: AbortSignal): Promise<void>;
  rename(id: Domid, name: string, signal?: AbortSignal): Promise<void>;
  /**
   * Gives a domain that has shut down a suffix behind its name, and another UUID: what is left of it can be looked at while a new
   * one has its name and UUID (libxl_domain_preserve).
   */
  preserve(id: Domid, suffix: string, uuid: string, signal?: AbortSignal): Promise<void>;
  /**
   * Asks the guest to stop, by PV control; resolves once asked. @throws ToolstackError `E_TOOLSTACK_NO_PARAVIRT` where the guest has
   * no Xen drivers that could hear it
   */
  shutdown(id: Domid, signal?: AbortSignal): Promise<void>;
  /** As `shutdown`. */
  reboot(id: Domid, signal?: AbortSignal): Promise<void>;
  /** Presses the power button of an HVM guest. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other */
  powerButton(id: Domid, signal?: AbortSignal): Promise<void>;
  /** Presses the reset button of an HVM guest, whatever it is doing. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other */
  reset(id: Domid, signal?: AbortSignal): Promise<void>;
  /**
   * Asks the guest for memory back, or gives it some: its balloon's target, in KiB, never above its maximum. Resolves once asked;
   * `info` shows what it then has.
   */
  setMemory(id: Domid, kib: number, signal?: AbortSignal): Promise<void>;
  /** Switches virtual processors on and off; those in `online` are on. The guest may take its time. */
  setVcpus(id: Domid, online: CpuSet, signal?: AbortSignal): Promise<void>;
  /** Every virtual processor that the domain may have, by number. */
  vcpus(id: Domid, signal?: AbortSignal): Promise<VcpuInfo[]>;
  /** Lets a virtual processor run on these processors only. */
  pinVcpu(id: Domid, vcpu: number, cpus: CpuSet, signal?: AbortSignal): Promise<void>;
  /** @throws RefusedError `E_REFUSED_UNSUPPORTED`, naming the scheduler, where that knows no weight and cap */
  scheduling(id: Domid, signal?: AbortSignal): Promise<Scheduling>;
  /** As `scheduling`; a weight or cap that the domain cannot have is a ToolstackError `E_TOOLSTACK_INVAL`. */
  setScheduling(id: Domid, change: SchedulingChange, signal?: AbortSignal): Promise<void>;
  /** Writes the domain's memory to a new file, for a debugger; better done while it is paused. Takes as long as that is. */
  dumpCore(id: Domid, path: string, signal: AbortSignal): Promise<void>;
  /**
   * Plugs a device into a domain. Its defaults are set and it is valid; a USB controller has an index, a USB device of the host an
   * address. Resolves once the host serves it: the guest may take its time. When it rejects, the domain may have it or a part of it:
   * `detach` with `force` takes that out.
   */
  attach(id: Domid, device: Pluggable, signal?: AbortSignal): Promise<void>;
  /**
   * Takes the device with this target, address or number out of a domain; resolves once it is gone. A disk has to be let go of by its
   * guest, unless `force` is set; any other device goes after some seconds whatever its guest does.
   * @throws ToolstackError `E_TOOLSTACK_NOTFOUND` where the domain has no such device, `E_TOOLSTACK_TIMEDOUT` where its guest does not let go
   */
  detach(id: Domid, device: Pluggable, options: DetachOptions): Promise<void>;
  /** Puts another medium, or none, into a CD-ROM drive that the domain has, by its target. */
  changeMedium(id: Domid, drive: Disk, signal?: AbortSignal): Promise<void>;
  /** Ends the domain at once. Succeeds when it has gone already. */
  destroy(id: Domid, signal?: AbortSignal): Promise<void>;

  /** What the guest knows of itself; undefined where the toolstack cannot look inside. */
  guestReport(id: Domid, signal?: AbortSignal): Promise<GuestReport | undefined>;
  /** Ends when the signal fires. */
  events(signal: AbortSignal): AsyncIterable<ToolstackEvent>;
}
