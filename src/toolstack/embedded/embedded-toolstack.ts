import type { CpuSet } from '../../domain/cpu-set.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Pluggable } from '../../domain/definition/pluggable.js';
import { withAnnotations, type Annotations } from '../../domain/annotations.js';
import { formatDomainXml } from '../../domain/format.js';
import { checkDomainName, withName } from '../../domain/names.js';
import { RefusedError, ToolstackError } from '../../errors/errors.js';
import type { OwnedFd } from '../../posix/owned-fd.js';
import { agentEntry } from '../agent/entry.js';
import { TransferAgents } from '../agent/transfer-agents.js';
import { checkDom0Target, guestDomid, type Domid } from '../domid.js';
import type {
  DetachOptions,
  DomainInfo,
  GuestConfig,
  GuestReport,
  HostInfo,
  RestoreOptions,
  SaveOptions,
  Scheduling,
  SchedulingChange,
  Toolstack,
  ToolstackEvent,
  TransferEvent,
  TransferOptions,
  VcpuInfo,
} from '../toolstack.js';
import { replaceFile } from './atomic-file.js';
import { readConfig, writeConfig } from './domain-config.js';
import { infoOf, readRecord, requireBuilt } from './domain-record.js';
import { failIfTold, faultsOf, takeFaults } from './faults.js';
import { shapeOf } from './guest-shape.js';
import type { HostFolder } from './host-folder.js';
import { readHostSettings } from './host-settings.js';
import { takeLock, withDomain, type LockedDomain } from './locked-domain.js';
import { buildGuest } from './memory/guest-build.js';
import { checkGuest } from './memory/guest-check.js';
import { GuestMemory } from './memory/guest-memory.js';
import { makePlatform } from './platform/synthetic-platform.js';
import { writePlatform } from './platform/platform-file.js';
import { allDomains, checkNameFree, memoryInUseKiB, noMemory, removeDomain, reserve } from './registry.js';
import { catchUp, changeRunState } from './run-state.js';
import { attachDevice, changeMedium, detachDevice, withChosenDrivers } from './plugging.js';
import { askByControl, pressPower, pressReset, pressWake } from './buttons.js';
import { softReset } from './soft-reset.js';
import { suspendToMemory } from './suspend-to-memory.js';
import { schedulingOf, setScheduling } from './scheduling.js';
import { dumpMemory, pinVcpu, setMemory, setOnline, vcpusOf } from './tuning.js';
import { tailEvents } from './tail-events.js';
import { restoredSchema, transferEventSchema, type RestoreParams, type SaveParams } from './transfer-protocol.js';
import { z } from '../../errors/zod.js';

/** The libxl migration stream that the embedded host reads and writes. */
const STREAM_VERSION = 2;

/** Guest ABIs of a simulated host, as of a Xen host on x86-64. */
const GUEST_ABIS = ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'];

const ENTRY = agentEntry(import.meta.url, './transfer-agent.js');

/** An embedded host: a folder. Keeps no state in memory, so any number of processes may work on it at once. */
export class EmbeddedToolstack implements Toolstack {
  readonly uri: string;
  readonly kernelFiles: string;
  readonly hostFiles: string;
  readonly #host: HostFolder;
  readonly #version: string;
  readonly #transfers = new TransferAgents(ENTRY);

  constructor(host: HostFolder, uri: string, version: string) {
    this.#host = host;
    this.uri = uri;
    this.kernelFiles = host.kernelFiles;
    this.hostFiles = host.hostFiles;
    this.#version = version;
  }

  /** For a process that stays: an agent is ready before each save and restore. */
  keepSpare(): void {
    const signal = new AbortController().signal;
    this.#transfers.keepSpare((agent) => agent.call('ready', {}, { signal, result: z.unknown() }));
  }

  host(): Promise<HostInfo> {
    return attempt(() => {
      const settings = readHostSettings(this.#host);
      const { hostname, totalMemoryKiB, cpus, lacks, commandLine, dom0MemoryKiB, cpuidWords, xen } = settings;
      const freeMemoryKiB = Math.max(0, totalMemoryKiB - (dom0MemoryKiB ?? 0) - memoryInUseKiB(allDomains(this.#host)));
      return {
        hostname,
        toolstack: 'embedded',
        version: this.#version,
        xen,
        totalMemoryKiB,
        freeMemoryKiB,
        cpus,
        commandLine,
        ...(dom0MemoryKiB === undefined ? {} : { dom0: { memoryKiB: dom0MemoryKiB, vcpus: cpus, vcpusMax: cpus } }),
        streamVersions: [STREAM_VERSION],
        guestAbis: GUEST_ABIS,
        ...(cpuidWords === undefined ? {} : { processors: { coresPerSocket: cpus, threadsPerCore: 1, cpuidWords } }),
        lacks,
      };
    });
  }

  list(): Promise<DomainInfo[]> {
    return attempt(() => allDomains(this.#host).map(infoOf));
  }

  async lookup(ref: string): Promise<DomainInfo | undefined> {
    const infos = await this.list();
    return (
      infos.find((info) => String(info.domid) === ref) ??
      infos.find((info) => info.uuid === ref.toLowerCase()) ??
      infos.find((info) => info.name === ref)
    );
  }

  info(id: Domid): Promise<DomainInfo | undefined> {
    return attempt(() => {
      const record = readRecord(this.#host.domain(id));
      return record === undefined ? undefined : infoOf(record);
    });
  }

  async describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig> {
    const config = await withDomain(this.#host, id, signal, ({ folder }) => readConfig(folder));
    return { ...config, domain: withChosenDrivers(config.domain) };
  }

  neededMemory({ domain }: GuestConfig): Promise<number> {
    return Promise.resolve(domain.memoryMaxKiB);
  }

  async setDom0Target(kib: number, signal?: AbortSignal): Promise<void> {
    using _lock = await takeLock(this.#host.hostLock, 'asking domain 0 for memory', signal);
    checkDom0Target(kib, readHostSettings(this.#host).dom0MemoryKiB);
    replaceFile(this.#host.file('dom0-target'), String(kib));
  }

  async create(config: GuestConfig, signal?: AbortSignal): Promise<Domid> {
    const { domain } = config;
    checkDomainName(domain.name);
    const shape = shapeOf(domain);
    faultsOf(domain); // an unknown fault is reported before anything is made
    const told = await takeFaults(this.#host, domain, ['no-memory'], signal);
    if (told.has('no-memory')) throw noMemory(domain, 0);
    const reservation = await reserve(this.#host, config, signal);
    try {
      {
        using memory = GuestMemory.open(reservation.folder, true);
        await buildGuest(memory, shape, signal);
      }
      writePlatform(reservation.folder, makePlatform(domain, shape));
      await failIfTold(this.#host, domain, 'create-fails', signal);
      await reservation.finish();
    } catch (error) {
      reservation.discard();
      throw error;
    }
    return guestDomid(reservation.domid);
  }

  async restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid> {
    using fd = source;
    checkDomainName(config.domain.name);
    if (options.streamVersion !== STREAM_VERSION) {
      throw new RefusedError(
        'E_REFUSED_STREAM_VERSION',
        `a save stream of version ${options.streamVersion} cannot be restored: this host reads version ${STREAM_VERSION}`,
        { hint: 'Save it with a toolstack that writes version 2 (Xen 4.6 and later).' },
      );
    }
    faultsOf(config.domain);
    const params: RestoreParams = {
      dir: this.#host.dir,
      xml: formatDomainXml(config.domain),
      ...(config.native === undefined ? {} : { native: config.native.text }),
    };
    try {
      const restored = await this.#transfer(
        'restore',
        `restore of ${config.domain.name}`,
        fd,
        params,
        restoredSchema,
        options,
      );
      return guestDomid(restored.domid);
    } finally {
      allDomains(this.#host); // removes what a restore that was killed left behind
    }
  }

  async save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void> {
    using fd = sink;
    const params: SaveParams = { dir: this.#host.dir, domid: id, live: options.live };
    await this.#transfer('save', `save of domain ${id}`, fd, params, z.unknown(), options);
  }

  async resume(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, async (domain) => {
      requireBuilt(domain.record);
      if (domain.record.shutdown !== 'suspend') {
        throw new ToolstackError('E_TOOLSTACK_NOT_SUSPENDED', `domain ${id} cannot be resumed: it is not suspended`, {
          hint: 'Only a domain in state shutdown, reason suspend, can be resumed.',
          data: { domid: id },
        });
      }
      await failIfTold(this.#host, readConfig(domain.folder).domain, 'resume-fails', signal);
      changeRunState(domain, { shutdown: null }, 'resume');
    });
  }

  async suspendToMemory(id: Domid, signal: AbortSignal = new AbortController().signal): Promise<void> {
    await suspendToMemory(this.#host, id, signal);
  }

  async softReset(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => softReset(domain, signal));
  }

  async wakeFromS3(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, pressWake);
  }

  async annotate(id: Domid, annotations: Annotations, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, ({ folder }) => {
      const config = readConfig(folder);
      writeConfig(folder, { ...config, domain: withAnnotations(config.domain, annotations) });
    });
  }

  async pause(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => {
      requireBuilt(domain.record);
      if (!domain.record.paused) changeRunState(domain, { paused: true }, 'pause');
    });
  }

  async unpause(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, async (domain) => {
      requireBuilt(domain.record);
      await failIfTold(this.#host, readConfig(domain.folder).domain, 'unpause-fails', signal);
      if (domain.record.paused) changeRunState(domain, { paused: false }, 'unpause');
    });
  }

  async rename(id: Domid, name: string, signal?: AbortSignal): Promise<void> {
    checkDomainName(name);
    await this.#change(id, signal, async (domain) => {
      using _lock = await takeLock(this.#host.hostLock, 'renaming a domain', signal);
      checkNameFree(this.#host, id, name);
      const config = readConfig(domain.folder);
      writeConfig(domain.folder, { ...config, domain: withName(config.domain, name) });
      domain.update({ name });
    });
  }

  async preserve(id: Domid, suffix: string, uuid: string, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, async (domain) => {
      if (domain.record.shutdown === null) {
        throw new ToolstackError('E_TOOLSTACK_STATE', `domain ${id} cannot be preserved: it has not shut down`, {
          data: { domid: id },
        });
      }
      const name = checkDomainName(domain.record.name + suffix);
      using _lock = await takeLock(this.#host.hostLock, 'renaming a domain', signal);
      checkNameFree(this.#host, id, name);
      const config = readConfig(domain.folder);
      writeConfig(domain.folder, { ...config, domain: { ...withName(config.domain, name), uuid } });
      domain.update({ name, uuid });
    });
  }

  async shutdown(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => askByControl(domain, 'poweroff'));
  }

  async reboot(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => askByControl(domain, 'reboot'));
  }

  async powerButton(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => pressPower(domain));
  }

  async reset(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => pressReset(domain));
  }

  async setMemory(id: Domid, kib: number, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => setMemory(domain, kib));
  }

  async setVcpus(id: Domid, online: CpuSet, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => setOnline(domain, online));
  }

  vcpus(id: Domid, signal?: AbortSignal): Promise<VcpuInfo[]> {
    return withDomain(this.#host, id, signal, vcpusOf);
  }

  async pinVcpu(id: Domid, vcpu: number, cpus: CpuSet, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => pinVcpu(domain, vcpu, cpus));
  }

  scheduling(id: Domid, signal?: AbortSignal): Promise<Scheduling> {
    return withDomain(this.#host, id, signal, schedulingOf);
  }

  async setScheduling(id: Domid, change: SchedulingChange, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => setScheduling(domain, change));
  }

  async dumpCore(id: Domid, path: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#change(id, signal, (domain) => dumpMemory(domain, path));
  }

  async attach(id: Domid, device: Pluggable, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => attachDevice(domain, device, signal));
  }

  async detach(id: Domid, device: Pluggable, { force, signal }: DetachOptions): Promise<void> {
    await this.#change(id, signal, (domain) => detachDevice(domain, device, force, signal));
  }

  async changeMedium(id: Domid, drive: Disk, signal?: AbortSignal): Promise<void> {
    await this.#change(id, signal, (domain) => changeMedium(domain, drive));
  }

  async destroy(id: Domid, signal?: AbortSignal): Promise<void> {
    if (readRecord(this.#host.domain(id)) === undefined) return;
    try {
      await this.#change(id, signal, async (domain) => {
        await failIfTold(this.#host, readConfig(domain.folder).domain, 'destroy-fails', signal);
        removeDomain(domain);
      });
    } catch (error) {
      if (error instanceof ToolstackError && error.code === 'E_TOOLSTACK_DOMAIN_GONE') return; // another process was faster
      throw error;
    }
  }

  async guestReport(id: Domid, signal?: AbortSignal): Promise<GuestReport | undefined> {
    return withDomain(this.#host, id, signal, async (domain) => {
      requireBuilt(domain.record);
      catchUp(domain);
      using memory = GuestMemory.open(domain.folder);
      return await checkGuest(memory, signal);
    });
  }

  events(signal: AbortSignal): AsyncIterable<ToolstackEvent> {
    return tailEvents(this.#host, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#transfers[Symbol.dispose]();
    return Promise.resolve();
  }

  async #change(
    id: Domid,
    signal: AbortSignal | undefined,
    work: (domain: LockedDomain) => void | Promise<void>,
  ): Promise<void> {
    await withDomain(this.#host, id, signal, work);
  }

  /** A save or restore, in a process of its own. */
  async #transfer<T>(
    method: 'save' | 'restore',
    what: string,
    fd: OwnedFd,
    params: SaveParams | RestoreParams,
    result: z.ZodType<T>,
    options: TransferOptions,
  ): Promise<T> {
    const { onEvent, signal } = options;
    const event = onEvent === undefined ? {} : { event: { schema: transferEventSchema, heard: onEvent } };
    const flags = method === 'save' ? 'w' : 'r';
    return await this.#transfers.call<T, TransferEvent>({
      method,
      params,
      what,
      stream: { fd, flags },
      signal,
      result,
      ...event,
    });
  }
}

/** Synchronous work as a promise: an exception rejects it. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
