import { hostname } from 'node:os';
import { z } from '../../errors/zod.js';
import { annotationsOf, formatAnnotations, type Annotations } from '../../domain/annotations.js';
import type { CpuSet } from '../../domain/cpu-set.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Pluggable } from '../../domain/definition/pluggable.js';
import { diskToJson } from '../../domain/libxl-json/disk.js';
import { plugOf } from '../../domain/libxl-json/plug.js';
import { checkDomainName } from '../../domain/names.js';
import { InvariantError, RefusedError } from '../../errors/errors.js';
import type { OwnedFd } from '../../posix/owned-fd.js';
import { guestDomid, type Domid } from '../domid.js';
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
  VcpuInfo,
} from '../toolstack.js';
import {
  configSchema,
  hostSchema,
  infoSchema,
  madeSchema,
  neededSchema,
  schedulingSchema,
  vcpuSchema,
} from './agent-protocol.js';
import { formatBigJson } from './big-json.js';
import type { NamedDevice } from './domain-devices.js';
import type { NewGuest } from './domain-making.js';
import { formatConfig, readConfig } from './domain-config.js';
import { releaseOf } from '../xen-release.js';
import { LIBXL_AGENT, LibxlAgents } from './libxl-agents.js';
import { withoutPartialDomain } from './partial-domain.js';
import { watchEvents } from './watch-events.js';

/** The libxl migration stream of Xen 4.6 and later; version 1 would need a converter that no longer exists. */
const STREAM_VERSION = 2;

/** A Xen host, through libxl in child processes. */
export class LibxlToolstack implements Toolstack {
  readonly uri = 'xen:///system';
  readonly kernelFiles = '/';
  readonly hostFiles = '/';
  readonly #agents = new LibxlAgents();

  /** For a long-lived process: an agent is started ahead of each save and restore. */
  keepSpare(): void {
    this.#agents.keepSpare();
  }

  async host(signal?: AbortSignal): Promise<HostInfo> {
    const facts = await this.#agents.ask('host', {}, hostSchema, signal);
    const xen = releaseOf(facts.version);
    return { hostname: hostname(), toolstack: 'libxl', ...facts, xen, streamVersions: [STREAM_VERSION] };
  }

  async list(signal?: AbortSignal): Promise<DomainInfo[]> {
    return await this.#agents.ask('list', {}, z.array(infoSchema), signal);
  }

  async lookup(ref: string, signal?: AbortSignal): Promise<DomainInfo | undefined> {
    const infos = await this.list(signal);
    return (
      infos.find((info) => String(info.domid) === ref) ??
      infos.find((info) => info.uuid === ref.toLowerCase()) ??
      infos.find((info) => info.name === ref)
    );
  }

  async info(id: Domid, signal?: AbortSignal): Promise<DomainInfo | undefined> {
    return (await this.#agents.ask('info', { domid: id }, z.nullable(infoSchema), signal)) ?? undefined;
  }

  async describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig> {
    const { config, backends, annotations } = await this.#agents.ask('describe', { domid: id }, configSchema, signal);
    return readConfig(config, { backends, annotations });
  }

  async neededMemory(config: GuestConfig, signal?: AbortSignal): Promise<number> {
    return (await this.#agents.ask('neededMemory', { config: formatConfig(config) }, neededSchema, signal)).kib;
  }

  async setDom0Target(kib: number, signal?: AbortSignal): Promise<void> {
    await this.#agents.ask('setDom0Target', { kib }, z.unknown(), signal);
  }

  async create(config: GuestConfig, signal?: AbortSignal): Promise<Domid> {
    const options = { signal: signal ?? new AbortController().signal };
    const what = `creation of ${config.domain.name}`;
    const params = paramsOf(config);
    return await withoutPartialDomain(
      this,
      config.domain.uuid,
      async () => (await this.#agents.transfer('create', what, undefined, params, madeSchema, options)).domid,
      signal,
    );
  }

  async restore(config: GuestConfig, source: OwnedFd, options: RestoreOptions): Promise<Domid> {
    using fd = source;
    if (options.streamVersion !== STREAM_VERSION) {
      throw new RefusedError(
        'E_REFUSED_STREAM_VERSION',
        `a save stream of version ${options.streamVersion} cannot be restored: this host reads version ${STREAM_VERSION}`,
        { hint: 'Save it with a toolstack that writes version 2 (Xen 4.6 and later).' },
      );
    }
    const params = { ...paramsOf(config), streamVersion: options.streamVersion };
    const what = `restore of ${config.domain.name}`;
    return await withoutPartialDomain(
      this,
      config.domain.uuid,
      async () => (await this.#agents.transfer('restore', what, { fd, flags: 'r' }, params, madeSchema, options)).domid,
      options.signal,
    );
  }

  async save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void> {
    using fd = sink;
    const params = { domid: guestDomid(id, 'saved'), live: options.live };
    try {
      await this.#agents.transfer('save', `save of domain ${id}`, { fd, flags: 'w' }, params, z.unknown(), options);
    } catch (error) {
      // The agent does it itself, unless it was killed.
      await this.#change('withdrawSuspend', id).catch(() => undefined); // the failure of the save is reported
      throw error;
    }
  }

  async resume(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('resume', id, signal);
  }

  async suspendToMemory(id: Domid, signal?: AbortSignal): Promise<void> {
    try {
      await this.#plug('suspendToMemory', `suspension of domain ${id}`, id, {}, signal);
    } catch (error) {
      // The agent withdraws the request itself, unless it was killed.
      await this.#change('withdrawSuspend', id).catch(() => undefined); // the failed suspension is the error to report
      throw error;
    }
  }

  async softReset(id: Domid, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const params = { domid: guestDomid(id, 'soft-reset') };
    await this.#agents.transfer('softReset', `soft reset of domain ${id}`, undefined, params, z.unknown(), { signal });
  }

  async wakeFromS3(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('press', id, signal, { button: 'wake' });
  }

  async annotate(id: Domid, annotations: Annotations, signal?: AbortSignal): Promise<void> {
    await this.#change('annotate', id, signal, { text: formatAnnotations(annotations) });
  }

  async pause(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('pause', id, signal);
  }

  async unpause(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('unpause', id, signal);
  }

  async rename(id: Domid, name: string, signal?: AbortSignal): Promise<void> {
    await this.#change('rename', id, signal, { name: checkDomainName(name) });
  }

  async preserve(id: Domid, suffix: string, uuid: string, signal?: AbortSignal): Promise<void> {
    await this.#change('preserve', id, signal, { suffix, uuid });
  }

  async shutdown(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('shutdown', id, signal);
  }

  async reboot(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('reboot', id, signal);
  }

  async powerButton(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('press', id, signal, { button: 'power' });
  }

  async reset(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('press', id, signal, { button: 'reset' });
  }

  async setMemory(id: Domid, kib: number, signal?: AbortSignal): Promise<void> {
    await this.#change('setMemory', id, signal, { kib });
  }

  async setVcpus(id: Domid, online: CpuSet, signal?: AbortSignal): Promise<void> {
    await this.#change('setVcpus', id, signal, { online });
  }

  async vcpus(id: Domid, signal?: AbortSignal): Promise<VcpuInfo[]> {
    const found = await this.#agents.ask('vcpus', { domid: id }, z.array(vcpuSchema), signal);
    const { cpus } = await this.host(signal);
    return found.map(({ number, cpu, isOnline, isRunning, timeNs, affinity }) => ({
      number,
      state: !isOnline ? 'offline' : isRunning ? 'running' : 'blocked',
      cpu: isOnline ? cpu : undefined,
      cpuTimeNs: timeNs,
      // Xen sets bits beyond the existing processors.
      affinity: affinity.below(cpus).size === cpus ? undefined : affinity,
    }));
  }

  async pinVcpu(id: Domid, vcpu: number, cpus: CpuSet, signal?: AbortSignal): Promise<void> {
    await this.#change('pinVcpu', id, signal, { vcpu, cpus });
  }

  async scheduling(id: Domid, signal?: AbortSignal): Promise<Scheduling> {
    return await this.#agents.ask('scheduling', { domid: id }, schedulingSchema, signal);
  }

  async setScheduling(id: Domid, { weight, cap }: SchedulingChange, signal?: AbortSignal): Promise<void> {
    await this.#change('setScheduling', id, signal, { weight, cap });
  }

  async dumpCore(id: Domid, path: string, signal: AbortSignal): Promise<void> {
    const params = { domid: guestDomid(id, 'dumped'), path };
    await this.#agents.transfer('dumpCore', `core dump of domain ${id}`, undefined, params, z.unknown(), { signal });
  }

  async attach(id: Domid, device: Pluggable, signal?: AbortSignal): Promise<void> {
    const { domain } = await this.describe(id, signal);
    const { kind, json } = plugOf(device, domain.type);
    await this.#plug('attach', `attachment to domain ${id}`, id, { kind, json: formatBigJson(json) }, signal);
  }

  async detach(id: Domid, device: Pluggable, { force, signal }: DetachOptions): Promise<void> {
    await this.#plug('detach', `detachment from domain ${id}`, id, { ...nameOfDevice(device), force }, signal);
  }

  async changeMedium(id: Domid, drive: Disk, signal?: AbortSignal): Promise<void> {
    const params = { json: formatBigJson(diskToJson(drive)) };
    await this.#plug('changeMedium', `change of a medium of domain ${id}`, id, params, signal);
  }

  async destroy(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('destroy', id, signal);
  }

  /** libxl cannot inspect a guest. */
  guestReport(): Promise<GuestReport | undefined> {
    return Promise.resolve(undefined);
  }

  events(signal: AbortSignal): AsyncIterable<ToolstackEvent> {
    return watchEvents(LIBXL_AGENT, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents[Symbol.asyncDispose]();
  }

  async #change(method: string, id: Domid, signal?: AbortSignal, more: Record<string, unknown> = {}): Promise<void> {
    await this.#agents.ask(method, { domid: guestDomid(id, `given to ${method}`), ...more }, z.unknown(), signal);
  }

  async #plug(
    method: string,
    what: string,
    id: Domid,
    params: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.#agents.separately(method, what, { domid: guestDomid(id, `given to ${method}`), ...params }, signal);
  }
}

/** The identity by which the agent finds a device. */
function nameOfDevice(device: Pluggable): NamedDevice {
  switch (device.kind) {
    case 'disk':
      return { kind: 'disk', vdev: device.target };
    case 'interface':
      if (device.mac === undefined) throw new InvariantError('a network card without an address cannot be found');
      return { kind: 'nic', mac: device.mac };
    case 'controller':
      if (device.index === undefined) throw new InvariantError('a controller without a number cannot be found');
      return { kind: 'usbctrl', devid: device.index };
    case 'hostdev': {
      const { identity } = device;
      if (identity.by === 'product') throw new InvariantError('a USB device is found by its place on the host');
      return { kind: 'usbdev', bus: identity.bus, device: identity.device };
    }
  }
}

function paramsOf(config: GuestConfig): NewGuest {
  const { name, uuid } = config.domain;
  const annotations = annotationsOf(config.domain);
  return {
    ...{ name, uuid, config: formatConfig(config) },
    ...(annotations === undefined ? {} : { annotations: formatAnnotations(annotations) }),
  };
}
