import type { CpuSet } from '../../../../src/domain/cpu-set.js';
import type { PlugKind } from '../../../../src/domain/libxl-json/plug.js';
import type { Ability } from '../../../../src/toolstack/toolstack.js';
import type {
  Address,
  LibxlNative,
  NativeVcpu,
  OperationTag,
  StructName,
} from '../../../../src/toolstack/libxl/native.js';

/** A domain of the fake's. */
export interface FakeDomain {
  domid: number;
  uuid: string;
  name: string;
  paused?: boolean;
  shutdown?: boolean;
  shutdown_reason?: string;
}

const INVALID_DOMID = 0xffff_ffff;

/**
 * A libxl of plain values: counts what is allocated and initialised, records every call, and ends operations
 * with the return codes it was given.
 */
export class FakeNative implements LibxlNative {
  readonly release = '4.17';
  lacks: Ability[] = [];
  readonly domains: FakeDomain[] = [{ domid: 0, uuid: '00000000-0000-0000-0000-000000000000', name: 'Domain-0' }];
  readonly calls: string[] = [];
  /** Return codes of operations by name; 0 where there is none. */
  readonly codes = new Map<string, number>();
  /** Operations that only end when aborted. */
  readonly hanging = new Set<string>();
  /** What is allocated and not freed, initialised and not disposed of. */
  readonly allocated = new Set<Address>();
  readonly initialised = new Map<Address, StructName>();
  allocations = 0;
  /** What a create or restore writes as the new domain's id. */
  newDomid = 7;
  /** How domains are scheduled, as libxl's JSON tells it. */
  scheduling: Record<string, unknown> = { sched: 'credit2', weight: 256, cap: 0 };
  /** What a domain was made from. */
  config: unknown = { c_info: {}, b_info: {} };
  #next = 0x1000n;
  readonly #structs = new Map<Address, unknown>();
  readonly #words = new Map<Address, number>();
  readonly #events: unknown[] = [];
  readonly #open = new Map<OperationTag, number>();
  #wake: (() => void) | undefined;

  allocate(): Address {
    this.#next += 0x10000n;
    this.allocations += 1;
    this.allocated.add(this.#next);
    return this.#next;
  }
  free(at: Address): void {
    if (!this.allocated.delete(at)) throw new Error(`freed what was not allocated: ${String(at)}`);
  }
  readUint32(at: Address): number {
    return this.#words.get(at) ?? 0;
  }
  init(struct: StructName, at: Address): void {
    if (!this.allocated.has(at)) throw new Error('initialised what is not allocated');
    this.initialised.set(at, struct);
  }
  dispose(struct: StructName, at: Address): void {
    if (this.initialised.get(at) !== struct) throw new Error(`disposed of what is no ${struct}`);
    this.initialised.delete(at);
  }
  toJson(_struct: StructName, at: Address): string | undefined {
    const value = this.#structs.get(at);
    return value === undefined ? undefined : JSON.stringify(value);
  }
  fromJson(_struct: StructName, at: Address, text: string): number {
    this.#structs.set(at, JSON.parse(text));
    return this.codes.get('fromJson') ?? 0;
  }
  listDomids(): number[] {
    return this.domains.map((domain) => domain.domid);
  }
  domainInfo(dominfo: Address, domid: number): number {
    const domain = this.domains.find((candidate) => candidate.domid === domid);
    if (domain === undefined) return -21;
    const { name: _, ...info } = domain;
    this.#structs.set(dominfo, { ...info, current_memkb: 1024, max_memkb: 2048, cpu_time: 5, vcpu_online: 1 });
    return 0;
  }
  domainName(domid: number): string | undefined {
    return this.domains.find((domain) => domain.domid === domid)?.name;
  }
  /** Words of CPUID in the structure; absent: it is laid out in another way. */
  hwCap: readonly number[] | undefined;
  physinfo(physinfo: Address): number {
    for (const [index, word] of (this.hwCap ?? []).entries()) {
      this.#words.set(physinfo + BigInt(84 + 4 * index), word);
    }
    this.#structs.set(physinfo, {
      nr_cpus: 2,
      cores_per_socket: 2,
      threads_per_core: 1,
      hw_cap: this.hwCap?.slice(0, 4) ?? [64, 0],
      total_pages: 1000,
      free_pages: 400,
      outstanding_pages: 100,
    });
    return this.codes.get('physinfo') ?? 0;
  }
  versionInfo(): string {
    return '{"xen_version_major": 4, "xen_version_minor": 17, "xen_version_extra": ".7", "pagesize": 4096, "capabilities": "xen-3.0-x86_64 hvm-3.0-x86_64 ", "commandline": "dom0_mem=max:8G"}';
  }
  readonly #userdata = new Map<string, string>();
  userdata(domid: number, id: string): string | undefined {
    return this.#userdata.get(`${domid} ${id}`);
  }
  keepUserdata(domid: number, id: string, text: string): number {
    this.#userdata.set(`${domid} ${id}`, text);
    return this.codes.get('keepUserdata') ?? 0;
  }
  retrieveConfig(_domid: number, config: Address): Promise<number> {
    this.#structs.set(config, this.config);
    return Promise.resolve(this.codes.get('retrieveConfig') ?? 0);
  }
  preserve(domid: number, _config: Address, suffix: string, uuid: Uint8Array): Promise<number> {
    this.calls.push(`preserve ${domid} ${suffix} ${Buffer.from(uuid).toString('hex')}`);
    return Promise.resolve(0);
  }

  /** Processes of device models, by domain. */
  readonly deviceModels = new Map<number, number>();
  deviceModelPid(domid: number): Promise<number | undefined> {
    return Promise.resolve(this.deviceModels.get(domid));
  }
  withdrawSuspend(domid: number): Promise<boolean> {
    this.calls.push(`withdraw suspend of ${domid}`);
    return Promise.resolve(true);
  }
  rename(domid: number, name: string): Promise<number> {
    this.calls.push(`rename ${domid} ${name}`);
    return Promise.resolve(this.codes.get('rename') ?? 0);
  }

  create(config: Address, domidOut: Address, tag: OperationTag): Promise<number> {
    return this.#make('create', config, domidOut, tag);
  }
  restore(config: Address, domidOut: Address, fd: number, params: Address, tag: OperationTag): Promise<number> {
    this.calls.push(`restore from ${fd} with ${JSON.stringify(this.#structs.get(params))}`);
    return this.#make('restore', config, domidOut, tag);
  }
  suspend(domid: number, fd: number, flags: number, tag: OperationTag): Promise<number> {
    return this.#start('suspend', `suspend ${domid} to ${fd} flags ${flags}`, domid, tag);
  }
  suspendOnly(domid: number, tag: OperationTag): Promise<number> {
    return this.#start('suspendOnly', `suspend ${domid} to memory`, domid, tag);
  }
  softReset(domid: number, config: Address, tag: OperationTag): Promise<number> {
    const json = JSON.stringify(this.#structs.get(config));
    // libxl removes what is kept of a domain along with its devices.
    for (const key of this.#userdata.keys()) if (key.startsWith(`${domid} `)) this.#userdata.delete(key);
    return this.#start('softReset', `soft-reset ${domid} with ${json}`, domid, tag);
  }
  resume(domid: number, cancel: boolean, tag: OperationTag): Promise<number> {
    return this.#start('resume', `resume ${domid} cancel ${cancel}`, domid, tag);
  }
  pause(domid: number, tag: OperationTag): Promise<number> {
    return this.#start('pause', `pause ${domid}`, domid, tag);
  }
  unpause(domid: number, tag: OperationTag): Promise<number> {
    return this.#start('unpause', `unpause ${domid}`, domid, tag);
  }
  shutdown(domid: number, tag: OperationTag): Promise<number> {
    return this.#start('shutdown', `shutdown ${domid}`, domid, tag);
  }
  reboot(domid: number, tag: OperationTag): Promise<number> {
    return this.#start('reboot', `reboot ${domid}`, domid, tag);
  }
  trigger(domid: number, trigger: number, tag: OperationTag): Promise<number> {
    return this.#start('trigger', `trigger ${trigger} of ${domid}`, domid, tag);
  }
  /** Disks by target and network cards by address, as libxl has them. */
  readonly devices = new Map<string, unknown>();
  diskByVdev(_domid: number, vdev: string, disk: Address): number {
    return this.#found(vdev, disk);
  }
  nicByMac(_domid: number, mac: string, nic: Address): number {
    return this.#found(mac, nic);
  }
  #found(name: string, at: Address): number {
    const device = this.devices.get(name);
    if (device === undefined) return -3;
    this.#structs.set(at, device);
    return 0;
  }
  addDevice(kind: PlugKind, domid: number, device: Address, tag: OperationTag): Promise<number> {
    const json = JSON.stringify(this.#structs.get(device));
    return this.#start('addDevice', `add ${kind} ${json} to ${domid}`, domid, tag);
  }
  removeDevice(kind: PlugKind, domid: number, device: Address, tag: OperationTag): Promise<number> {
    const json = JSON.stringify(this.#structs.get(device));
    return this.#start('removeDevice', `remove ${kind} ${json} from ${domid}`, domid, tag);
  }
  safeRemoveDisk(domid: number, disk: Address, tag: OperationTag): Promise<number> {
    const json = JSON.stringify(this.#structs.get(disk));
    return this.#start('safeRemoveDisk', `ask for disk ${json} of ${domid}`, domid, tag);
  }
  insertMedium(domid: number, disk: Address, tag: OperationTag): Promise<number> {
    return this.#start('insertMedium', `insert ${JSON.stringify(this.#structs.get(disk))} into ${domid}`, domid, tag);
  }
  setVcpuOnline(domid: number, _online: Address, tag: OperationTag): Promise<number> {
    return this.#start(
      'setVcpuOnline',
      `set online of ${domid} to ${String([...(this.bitmaps.at(-1) ?? [])])}`,
      domid,
      tag,
    );
  }
  coreDump(domid: number, path: string, tag: OperationTag): Promise<number> {
    return this.#start('coreDump', `dump ${domid} to ${path}`, domid, tag);
  }
  forceShutdown(domid: number, reason: number): number {
    this.calls.push(`force ${domid} to shut down for ${reason}`);
    return this.codes.get('forceShutdown') ?? 0;
  }
  setMemoryTarget(domid: number, kib: number): Promise<number> {
    this.calls.push(`set target of ${domid} to ${kib}`);
    return Promise.resolve(this.codes.get('setMemoryTarget') ?? 0);
  }
  setDom0Target(kib: number): Promise<number> {
    this.calls.push(`set target of domain 0 to ${kib}`);
    return Promise.resolve(this.codes.get('setDom0Target') ?? 0);
  }
  neededMemory(_config: Address, kibOut: Address): Promise<number> {
    this.#words.set(kibOut, 2_097_152);
    return Promise.resolve(this.codes.get('neededMemory') ?? 0);
  }
  readUint64(at: Address): bigint {
    return BigInt(this.#words.get(at) ?? 0);
  }
  setVcpuAffinity(domid: number, vcpu: number): Promise<number> {
    this.calls.push(`pin ${vcpu} of ${domid} to ${String([...(this.bitmaps.at(-1) ?? [])])}`);
    return Promise.resolve(this.codes.get('setVcpuAffinity') ?? 0);
  }
  schedParams(domid: number, params: Address): Promise<number> {
    this.#structs.set(params, this.domains.some((one) => one.domid === domid) ? this.scheduling : {});
    return Promise.resolve(this.codes.get('schedParams') ?? 0);
  }
  setSchedParams(domid: number, params: Address): Promise<number> {
    this.calls.push(`schedule ${domid} by ${JSON.stringify(this.#structs.get(params))}`);
    return Promise.resolve(this.codes.get('setSchedParams') ?? 0);
  }
  listVcpus(): NativeVcpu[] | undefined {
    return this.codes.has('listVcpus') ? undefined : [];
  }
  readonly bitmaps: CpuSet[] = [];
  withBitmap<T>(bits: CpuSet, use: (bitmap: Address) => Promise<T>): Promise<T> {
    this.bitmaps.push(bits);
    return use(1n);
  }
  destroy(domid: number, tag: OperationTag): Promise<number> {
    const at = this.domains.findIndex((domain) => domain.domid === domid);
    if (at !== -1) this.domains.splice(at, 1);
    return this.#start('destroy', `destroy ${domid}`, domid, tag);
  }
  abort(tag: OperationTag): Promise<number> {
    this.calls.push('abort');
    if (this.#open.has(tag)) this.#end(tag, -22);
    return Promise.resolve(0);
  }

  watchDeath(domid: number, tag: OperationTag): Address {
    this.calls.push(`watch death of ${domid}`);
    return tag;
  }
  unwatchDeath(): void {
    this.calls.push('unwatch death');
  }
  watchEject(domid: number, vdev: string, tag: OperationTag): Address {
    this.calls.push(`watch eject of ${domid} ${vdev}`);
    return tag;
  }
  unwatchEject(): void {
    this.calls.push('unwatch eject');
  }
  async turn(timeoutMs: number): Promise<void> {
    if (this.#events.length > 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  async awaitEvent(): Promise<string> {
    for (;;) {
      const event = this.nextEvent();
      if (event !== undefined) return event;
      await this.turn(1000);
    }
  }
  nextEvent(): string | undefined {
    const event = this.#events.shift();
    return event === undefined ? undefined : JSON.stringify(event);
  }

  /** Something happens to a domain. */
  happen(event: Record<string, unknown>): void {
    this.#events.push(event);
    this.#wake?.();
  }

  #make(name: 'create' | 'restore', config: Address, domidOut: Address, tag: OperationTag): Promise<number> {
    const made = this.#structs.get(config) as { c_info: { name: string; uuid: string } };
    const rc = this.codes.get(name) ?? 0;
    this.#words.set(domidOut, rc === 0 || rc === -22 || this.hanging.has(name) ? this.newDomid : INVALID_DOMID);
    if (rc === 0 || rc === -22 || this.hanging.has(name)) {
      this.domains.push({ domid: this.newDomid, uuid: made.c_info.uuid, name: made.c_info.name, paused: true });
    }
    return this.#start(name, `${name} ${made.c_info.name}`, this.newDomid, tag);
  }

  #start(name: string, call: string, domid: number, tag: OperationTag): Promise<number> {
    this.calls.push(call);
    const refused = this.codes.get(`start ${name}`);
    if (refused !== undefined) return Promise.resolve(refused);
    this.#open.set(tag, domid);
    if (!this.hanging.has(name)) this.#end(tag, this.codes.get(name) ?? 0);
    return Promise.resolve(0);
  }

  #end(tag: OperationTag, rc: number): void {
    const domid = this.#open.get(tag);
    this.#open.delete(tag);
    this.happen({ domid, for_user: Number(tag), 'type.operation_complete': rc === 0 ? {} : { rc } });
  }
}
