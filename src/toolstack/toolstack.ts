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

/** One domain as its host reports it now (libxl_dominfo). */
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

/** The present state of a virtual processor; a definition has a `VcpuPin` (S18). */
export interface VcpuInfo {
  readonly number: number;
  /** Running and blocked ones are online. */
  readonly state: 'running' | 'blocked' | 'offline';
  /** The processor that it runs on; undefined if it does not run. */
  readonly cpu: number | undefined;
  readonly cpuTimeNs: bigint;
  /** Processors that it may run on; undefined: all. */
  readonly affinity: CpuSet | undefined;
}

/** A domain's share of the host's processors, for schedulers with weight and cap (S35, L02). */
export interface Scheduling {
  readonly scheduler: 'credit' | 'credit2';
  /** Its relative share, 1 to 65535: twice the weight gets twice the time. Xen's default is 256. */
  readonly weight: number;
  /** Its limit, in percent of one processor; 0: no limit. */
  readonly cap: number;
}

/** A change of the scheduling; absent values stay. */
export interface SchedulingChange {
  readonly weight?: number | undefined;
  readonly cap?: number | undefined;
}

/** A guest's report on its own memory; only the embedded host can inspect a guest. */
export interface GuestReport {
  /** Heartbeats since the guest booted; continues across a migration. */
  readonly ticks: number;
  /** Pages compared with the content that the guest itself expects. */
  readonly checked: number;
  /** Pages that were lost, stale or misplaced. */
  readonly bad: number;
  /** SHA-256 over all page frames; for guests with unknown content (restored from a foreign stream). */
  readonly memoryDigest?: string;
}

/** Abilities that not every toolstack has (S25): ask `HostInfo.lacks` before use. */
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

/** Domain 0, for queries only. */
export interface Dom0Info {
  readonly memoryKiB: number;
  /** Number of online processors. */
  readonly vcpus: number;
  readonly vcpusMax: number;
}

/** Information about the host. */
export interface HostInfo {
  readonly hostname: string;
  readonly toolstack: 'libxl' | 'embedded';
  /** As the toolstack prints it: `4.17.7`, or xenferry's own version for the embedded host. */
  readonly version: string;
  /** Release of the hypervisor, `4.17`; absent: there is none. */
  readonly xen?: string | undefined;
  readonly totalMemoryKiB: number;
  readonly freeMemoryKiB: number;
  readonly cpus: number;
  /** The hypervisor's; absent: not known. */
  readonly commandLine?: string | undefined;
  /** The host itself, as a domain; absent: not known, or there is none. */
  readonly dom0?: Dom0Info | undefined;
  /** Save-stream versions that this toolstack can restore; it writes the highest. */
  readonly streamVersions: readonly number[];
  /** Abilities that it lacks; a call that needs one rejects with the toolstack's own error. */
  readonly lacks: readonly Ability[];
  /** Kinds of guests, by Xen's names: `xen-3.0-x86_64`, `hvm-3.0-x86_32p`. */
  readonly guestAbis: readonly string[];
  /** Undefined if unknown to the toolstack. */
  readonly processors?: {
    readonly coresPerSocket: number;
    readonly threadsPerCore: number;
    /** libxl's hw_cap: words of CPUID, as Xen has numbered them since 4.7. */
    readonly cpuidWords: readonly number[];
  };
}

/**
 * What a toolstack needs to make a domain. `native` is the toolstack's own form of the same
 * configuration (libxl's JSON), kept so that nothing is lost if both hosts support it;
 * name and UUID always come from `domain`.
 */
export interface GuestConfig {
  readonly domain: Domain;
  readonly native?: { readonly format: 'libxl-json'; readonly text: string };
}

/** Events during a save or restore. Times are the host's monotonic clock, in ms. */
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

/** Options of a save or restore. */
export interface TransferOptions {
  readonly signal: AbortSignal;
  readonly onEvent?: (event: TransferEvent) => void;
}

/** Options of a save. */
export interface SaveOptions extends TransferOptions {
  /** Copy memory while the guest runs; otherwise it is suspended first. */
  readonly live: boolean;
}

/** Options of a restore. */
export interface RestoreOptions extends TransferOptions {
  /** Version of the save stream, from the migration cookie (S01). */
  readonly streamVersion: number;
}

/** Options of `detach`. */
export interface DetachOptions {
  /** Detach it also from a guest that uses it: data that the guest has not written yet is lost. */
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type ToolstackEvent =
  | { readonly type: 'shutdown'; readonly domid: Domid; readonly uuid: string; readonly reason: ShutdownReason }
  | { readonly type: 'death'; readonly domid: Domid; readonly uuid: string }
  | { readonly type: 'disk-eject'; readonly domid: Domid; readonly uuid: string; readonly vdev: string };

/**
 * The interface to a host: libxl on a Xen host, or the embedded host. Modelled on libxl's calls.
 *
 * Every call rejects with a `ToolstackError` (`E_TOOLSTACK_*`), a `RefusedError` if nothing was
 * changed, or an `AbortedError` if its signal fired. A toolstack refuses domain 0 for anything
 * that stops, moves, renames or kills it, by taking `Domid`s only.
 */
export interface Toolstack extends AsyncDisposable {
  readonly uri: string;
  /**
   * Folder that holds the `proc` and `sys` of the kernel that serves its guests' disks and cards: `/` on a Xen host.
   */
  readonly kernelFiles: string;
  /** Folder with the files of other programs of the host, such as its DHCP server: `/` on a Xen host. */
  readonly hostFiles: string;
  host(signal?: AbortSignal): Promise<HostInfo>;

  /** Guests only: domain 0 is never in the list. */
  list(signal?: AbortSignal): Promise<DomainInfo[]>;
  /** By id, UUID or name, in this order; undefined if there is none. */
  lookup(ref: string, signal?: AbortSignal): Promise<DomainInfo | undefined>;
  /** Undefined if the domain is gone. */
  info(id: Domid, signal?: AbortSignal): Promise<DomainInfo | undefined>;
  /** The running configuration, whichever program started the domain. */
  describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig>;

  /** Free memory needed to make this domain, in KiB, including the hypervisor's own needs for it. */
  neededMemory(config: GuestConfig, signal?: AbortSignal): Promise<number>;
  /**
   * Sets domain 0's memory target, in KiB: less than it has, never more. The only call that changes domain
   * 0. Resolves once requested.
   * @throws RefusedError `E_REFUSED_DOMAIN0` for an amount that is not less than it has
   */
  setDom0Target(kib: number, signal?: AbortSignal): Promise<void>;

  readonly restoreSplices?: boolean;

  /** Makes and builds a domain; it is left paused. */
  create(config: GuestConfig, signal?: AbortSignal): Promise<Domid>;
  /**
   * Makes a domain from a save stream; it is left paused. Takes ownership of the fd and closes it in every
   * case. When it rejects, no part of the domain is left. It reads the stream with read(2), and has a copy of what it has
   * read; one that splices the stream on sets `restoreSplices`, so that the stream is then copied into the pipe.
   */
  restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid>;
  /**
   * Writes the domain's save stream, END record included. Takes ownership of the fd and closes it in every
   * case. On success the domain stays in state shutdown/suspend. After a failure it may be
   * running, or shutdown/suspend; ask `info` and call `resume` (facts 2.3).
   */
  save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void>;
  /** Resumes a domain in shutdown/suspend, co-operatively (libxl's suspend_cancel). */
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
   * Appends a suffix to the name of a domain that has shut down, and changes its UUID: its remains can be examined
   * while a new domain has its name and UUID (libxl_domain_preserve).
   */
  preserve(id: Domid, suffix: string, uuid: string, signal?: AbortSignal): Promise<void>;
  /**
   * Asks the guest to stop, by PV control; resolves once requested. @throws ToolstackError `E_TOOLSTACK_NO_PARAVIRT` if
   * the guest has no Xen drivers that could receive it
   */
  shutdown(id: Domid, signal?: AbortSignal): Promise<void>;
  /** As `shutdown`. */
  reboot(id: Domid, signal?: AbortSignal): Promise<void>;
  /** Presses the power button of an HVM guest. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other */
  powerButton(id: Domid, signal?: AbortSignal): Promise<void>;
  /**
   * Presses the reset button of an HVM guest, in any state. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other
   */
  reset(id: Domid, signal?: AbortSignal): Promise<void>;
  /**
   * Sets the target of the guest's balloon, in KiB, at most its maximum. Resolves once requested;
   * `info` shows its present memory.
   */
  setMemory(id: Domid, kib: number, signal?: AbortSignal): Promise<void>;
  /** Switches virtual processors on and off; those in `online` are on. The guest follows gradually. */
  setVcpus(id: Domid, online: CpuSet, signal?: AbortSignal): Promise<void>;
  /** Every virtual processor that the domain may have, by number. */
  vcpus(id: Domid, signal?: AbortSignal): Promise<VcpuInfo[]>;
  /** Restricts a virtual processor to these processors. */
  pinVcpu(id: Domid, vcpu: number, cpus: CpuSet, signal?: AbortSignal): Promise<void>;
  /**
   * The domain's scheduling. @throws RefusedError `E_REFUSED_UNSUPPORTED`, naming the scheduler, if that has no weight
   * and cap
   */
  scheduling(id: Domid, signal?: AbortSignal): Promise<Scheduling>;
  /** As `scheduling`; a weight or cap that the domain cannot have is a ToolstackError `E_TOOLSTACK_INVAL`. */
  setScheduling(id: Domid, change: SchedulingChange, signal?: AbortSignal): Promise<void>;
  /**
   * Writes the domain's memory to a new file, for a debugger; preferably while it is paused. The time is proportional
   * to the memory.
   */
  dumpCore(id: Domid, path: string, signal: AbortSignal): Promise<void>;
  /**
   * Attaches a device to a domain. Its defaults are set and it is valid; a USB controller has an index, a USB device of
   * the host an address. Resolves once the host serves it: the guest may take longer. When it rejects, the domain may
   * have the device or a part of it: `detach` with `force` removes that.
   */
  attach(id: Domid, device: Pluggable, signal?: AbortSignal): Promise<void>;
  /**
   * Detaches the device with this target, address or number; resolves once it is gone. The guest has to release a disk,
   * unless `force` is set; any other device is removed after some seconds in any case.
   * @throws ToolstackError `E_TOOLSTACK_NOTFOUND` if the domain has no such device, `E_TOOLSTACK_TIMEDOUT` if its guest
   * does not release it
   */
  detach(id: Domid, device: Pluggable, options: DetachOptions): Promise<void>;
  /** Changes or ejects the medium of one of the domain's CD-ROM drives, by its target. */
  changeMedium(id: Domid, drive: Disk, signal?: AbortSignal): Promise<void>;
  /** Destroys the domain at once. Succeeds if it is gone already. */
  destroy(id: Domid, signal?: AbortSignal): Promise<void>;

  /** The guest's own report; undefined if the toolstack cannot inspect it. */
  guestReport(id: Domid, signal?: AbortSignal): Promise<GuestReport | undefined>;
  /** Events of the host's domains. Ends when the signal fires. */
  events(signal: AbortSignal): AsyncIterable<ToolstackEvent>;
}
