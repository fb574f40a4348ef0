import type { CpuSet } from '../../domain/cpu-set.js';
import type { PlugKind } from '../../domain/libxl-json/plug.js';
import type { Ability } from '../toolstack.js';

/** An address in this process, as koffi gives it. Never 0. */
export type Address = bigint;

/** libxl's structures that are made, filled and disposed of by name; none is laid out here. */
export type StructName =
  'domain_config' | 'domain_restore_params' | 'domain_sched_params' | 'dominfo' | 'physinfo' | `device_${PlugKind}`;

/** libxl_vcpuinfo, as read. */
export interface NativeVcpu {
  readonly number: number;
  readonly cpu: number;
  readonly isOnline: boolean;
  readonly isBlocked: boolean;
  readonly isRunning: boolean;
  readonly timeNs: bigint;
  readonly affinity: CpuSet;
}

/** Number that ties an operation to its end; libxl's `for_user`. Never 0. */
export type OperationTag = bigint;

/** libxl_trigger (libxl_types.idl). */
export const TRIGGER_POWER = 1;
export const TRIGGER_S3RESUME = 6;

/** xen/sched.h, SHUTDOWN_reboot. */
export const SHUTDOWN_REBOOT = 1;

/** libxl_domain_suspend's flag (libxl.h). */
export const SUSPEND_LIVE = 2;

/**
 * libxl's calls, one to one, on one context: only the implementation, in `load.ts`,
 * knows koffi. Return codes are libxl's: 0, or a negative ERROR_*. Signatures are those of libxl.h from
 * Xen 4.14 to 4.22, where they are the same.
 *
 * Structures are addressed, not laid out: libxl's own JSON functions read and fill them, so that no
 * release's layout matters.
 */
export interface LibxlNative {
  /** Release of the library: `4.17`. */
  readonly release: string;
  /** Abilities for which this release's library has no calls; calling them throws. */
  readonly lacks: readonly Ability[];

  /** Zeroed memory of the C heap. */
  allocate(bytes: number): Address;
  free(at: Address): void;
  readUint32(at: Address): number;

  init(struct: StructName, at: Address): void;
  dispose(struct: StructName, at: Address): void;
  /** Undefined if libxl failed. */
  toJson(struct: StructName, at: Address): string | undefined;
  fromJson(struct: StructName, at: Address, text: string): number;

  /** libxl_list_vm: domain 0 included, stub domains not. Undefined if libxl failed. */
  listDomids(): number[] | undefined;
  domainInfo(dominfo: Address, domid: number): number;
  domainName(domid: number): string | undefined;
  physinfo(physinfo: Address): number;
  /** libxl_version_info as JSON. */
  versionInfo(): string | undefined;
  /** libxl_userdata_retrieve; undefined if there is none. */
  userdata(domid: number, id: string): string | undefined;
  /** libxl_userdata_store: kept as long as the domain is. */
  keepUserdata(domid: number, id: string, text: string): number;

  /** Blocks a thread of libuv's pool, not the event loop; so do all that return a promise. */
  retrieveConfig(domid: number, config: Address): Promise<number>;
  rename(domid: number, name: string): Promise<number>;
  /** Process of the domain's device model, as libxl notes it in xenstore; undefined where there is none. Not libxl's. */
  deviceModelPid(domid: number): Promise<number | undefined>;
  /** Withdraws a request to suspend that the guest has not received yet; false if there is none. */
  withdrawSuspend(domid: number): Promise<boolean>;
  /** libxl_domain_preserve. @param config the domain's domain_config, as retrieved @param uuid 16 bytes */
  preserve(domid: number, config: Address, suffix: string, uuid: Uint8Array): Promise<number>;

  /**
   * Ends an HVM guest's run as its device model would: the domain has shut down at once, for that reason. Not a call of
   * libxl.
   */
  forceShutdown(domid: number, reason: number): number;
  /** libxl_set_memory_target, absolute and enforced. */
  setMemoryTarget(domid: number, kib: number): Promise<number>;
  /**
   * libxl_set_memory_target of domain 0, absolute and not enforced, as in xl; takes no domain id, so that it cannot
   * apply to another domain.
   */
  setDom0Target(kib: number): Promise<number>;
  /** libxl_domain_need_memory. Fills defaults into the configuration. @param kibOut 64 bits @returns libxl's code */
  neededMemory(config: Address, kibOut: Address): Promise<number>;
  readUint64(at: Address): bigint;
  setVcpuAffinity(domid: number, vcpu: number, cpus: Address): Promise<number>;
  /**
   * libxl_domain_sched_params_get. Names the scheduler in the structure even if it then fails because it does not
   * support it.
   */
  schedParams(domid: number, params: Address): Promise<number>;
  /** libxl_domain_sched_params_set: a value of -1, as initialised, stays unchanged. */
  setSchedParams(domid: number, params: Address): Promise<number>;
  /** Undefined if libxl failed. */
  listVcpus(domid: number): NativeVcpu[] | undefined;
  /** A libxl_bitmap for the time of a call. */
  withBitmap<T>(bits: CpuSet, use: (bitmap: Address) => Promise<T>): Promise<T>;

  /** libxl_vdev_to_device_disk: the disk as it is served. */
  diskByVdev(domid: number, vdev: string, disk: Address): number;
  /** libxl_mac_to_device_nic. */
  nicByMac(domid: number, mac: string, nic: Address): number;

  /*
   * Operations: these start one; it has ended when an event OPERATION_COMPLETE with its tag arrives.
   * Memory that they refer to must stay until then. A code other than 0 means that nothing was started.
   */
  create(config: Address, domidOut: Address, tag: OperationTag): Promise<number>;
  restore(config: Address, domidOut: Address, fd: number, params: Address, tag: OperationTag): Promise<number>;
  suspend(domid: number, fd: number, flags: number, tag: OperationTag): Promise<number>;
  /** libxl_domain_suspend_only (from 4.11 on): the guest suspends itself, and nothing is written. */
  suspendOnly(domid: number, tag: OperationTag): Promise<number>;
  /** libxl_domain_soft_reset. @param config the domain's domain_config, as retrieved */
  softReset(domid: number, config: Address, tag: OperationTag): Promise<number>;
  resume(domid: number, suspendCancel: boolean, tag: OperationTag): Promise<number>;
  pause(domid: number, tag: OperationTag): Promise<number>;
  unpause(domid: number, tag: OperationTag): Promise<number>;
  shutdown(domid: number, tag: OperationTag): Promise<number>;
  reboot(domid: number, tag: OperationTag): Promise<number>;
  trigger(domid: number, trigger: number, tag: OperationTag): Promise<number>;
  setVcpuOnline(domid: number, online: Address, tag: OperationTag): Promise<number>;
  coreDump(domid: number, path: string, tag: OperationTag): Promise<number>;
  /** libxl_device_KIND_add. */
  addDevice(kind: PlugKind, domid: number, device: Address, tag: OperationTag): Promise<number>;
  /** libxl_device_disk_safe_remove (from 4.15 on): waits for the guest, and fails if the guest does not release it. */
  safeRemoveDisk(domid: number, disk: Address, tag: OperationTag): Promise<number>;
  /** libxl_device_KIND_remove: asks the guest, and removes the device ten seconds later. */
  removeDevice(kind: PlugKind, domid: number, device: Address, tag: OperationTag): Promise<number>;
  /** libxl_cdrom_insert; a disk of format `empty` ejects. */
  insertMedium(domid: number, disk: Address, tag: OperationTag): Promise<number>;
  destroy(domid: number, tag: OperationTag): Promise<number>;
  /** libxl_ao_abort of the operation with this tag. */
  abort(tag: OperationTag): Promise<number>;

  /** Undefined if it could not be enabled. */
  watchDeath(domid: number, tag: OperationTag): Address | undefined;
  unwatchDeath(watch: Address): void;
  watchEject(domid: number, vdev: string, tag: OperationTag): Address | undefined;
  unwatchEject(watch: Address): void;
  /**
   * One turn of libxl's event loop: sleeps until an event or until `timeoutMs` have passed, and
   * lets libxl handle it.
   */
  turn(timeoutMs: number): Promise<void>;
  /** The next event that has occurred, as JSON; undefined if there is none. */
  nextEvent(): string | undefined;
  /**
   * Waits for the next event, as JSON; libxl runs its loop itself meanwhile. Only an event ends the wait: so there must
   * be an operation whose end will be one.
   */
  awaitEvent(): Promise<string>;
}
