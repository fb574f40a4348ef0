import { fstatSync } from 'node:fs';
import { hostname } from 'node:os';
import { z, type ZodType } from 'zod';
import type { CpuSet } from '../../domain/cpu-set.js';
import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Pluggable } from '../../domain/definition/pluggable.js';
import { diskToJson } from '../../domain/libxl-json/disk.js';
import { plugOf } from '../../domain/libxl-json/plug.js';
import { checkDomainName } from '../../domain/names.js';
import { Deadline } from '../../errors/deadline.js';
import { InvariantError, RefusedError, ToolstackError } from '../../errors/errors.js';
import type { OwnedFd } from '../../posix/owned-fd.js';
import { Agent } from '../agent/agent.js';
import { agentEntry } from '../agent/entry.js';
import { SpareAgent } from '../agent/spare-agent.js';
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
  TransferEvent,
  TransferOptions,
  VcpuInfo,
} from '../toolstack.js';
import {
  configSchema,
  hostSchema,
  infoSchema,
  madeSchema,
  neededSchema,
  schedulingSchema,
  transferEventSchema,
  vcpuSchema,
} from './agent-protocol.js';
import { formatBigJson } from './big-json.js';
import type { NamedDevice } from './context.js';
import { formatConfig, readConfig } from './domain-config.js';
import { withoutPartialDomain } from './partial-domain.js';
import { watchEvents } from './watch-events.js';

/** The libxl migration stream of Xen 4.6 and later; version 1 would go through a converter that is no more. */
const STREAM_VERSION = 2;

/** A small call that takes longer is stuck: xenstored is dead, or a device model does not answer. */
const SMALL_CALL_MS = 120_000;

export const LIBXL_AGENT = agentEntry(import.meta.url, './libxl-agent.js');

/** A Xen host, through libxl in child processes. */
export class LibxlToolstack implements Toolstack {
  readonly uri = 'xen:///system';
  readonly kernelFiles = '/';
  readonly hostFiles = '/';
  #queries: Agent | undefined;
  #spare: SpareAgent | undefined;

  /** For a process that stays: an agent is there before each save and restore. */
  keepSpare(): void {
    const signal = new AbortController().signal;
    this.#spare ??= new SpareAgent({ entry: LIBXL_AGENT, what: 'next transfer' }, (agent) =>
      agent.call('host', {}, { signal, result: hostSchema }),
    );
  }

  async host(signal?: AbortSignal): Promise<HostInfo> {
    const facts = await this.#ask('host', {}, hostSchema, signal);
    return { hostname: hostname(), toolstack: 'libxl', ...facts, streamVersions: [STREAM_VERSION] };
  }

  async list(signal?: AbortSignal): Promise<DomainInfo[]> {
    return await this.#ask('list', {}, z.array(infoSchema), signal);
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
    return (await this.#ask('info', { domid: id }, z.nullable(infoSchema), signal)) ?? undefined;
  }

  async describe(id: Domid, signal?: AbortSignal): Promise<GuestConfig> {
    const { config, backends } = await this.#ask('describe', { domid: id }, configSchema, signal);
    return readConfig(config, backends);
  }

  async neededMemory(config: GuestConfig, signal?: AbortSignal): Promise<number> {
    return (await this.#ask('neededMemory', { config: formatConfig(config) }, neededSchema, signal)).kib;
  }

  async setDom0Target(kib: number, signal?: AbortSignal): Promise<void> {
    await this.#ask('setDom0Target', { kib }, z.unknown(), signal);
  }

  async create(config: GuestConfig, signal?: AbortSignal): Promise<Domid> {
    const options = { signal: signal ?? new AbortController().signal };
    const what = `creation of ${config.domain.name}`;
    const params = paramsOf(config);
    return await withoutPartialDomain(
      this,
      config.domain.uuid,
      async () => (await this.#transfer('create', what, undefined, params, madeSchema, options)).domid,
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
      async () => (await this.#transfer('restore', what, { fd, flags: 'r' }, params, madeSchema, options)).domid,
      options.signal,
    );
  }

  async save(id: Domid, sink: OwnedFd, options: SaveOptions): Promise<void> {
    using fd = sink;
    const params = { domid: guestDomid(id, 'saved'), live: options.live };
    try {
      await this.#transfer('save', `save of domain ${id}`, { fd, flags: 'w' }, params, z.unknown(), options);
    } catch (error) {
      // The agent does it itself, unless it was killed.
      await this.#change('withdrawSuspend', id).catch(() => undefined); // what broke the save is the story
      throw error;
    }
  }

  async resume(id: Domid, signal?: AbortSignal): Promise<void> {
    await this.#change('resume', id, signal);
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
    const found = await this.#ask('vcpus', { domid: id }, z.array(vcpuSchema), signal);
    const { cpus } = await this.host(signal);
    return found.map(({ number, cpu, isOnline, isRunning, timeNs, affinity }) => ({
      number,
      state: !isOnline ? 'offline' : isRunning ? 'running' : 'blocked',
      cpu: isOnline ? cpu : undefined,
      cpuTimeNs: timeNs,
      // Xen sets bits beyond the processors that there are.
      affinity: affinity.below(cpus).size === cpus ? undefined : affinity,
    }));
  }

  async pinVcpu(id: Domid, vcpu: number, cpus: CpuSet, signal?: AbortSignal): Promise<void> {
    await this.#change('pinVcpu', id, signal, { vcpu, cpus });
  }

  async scheduling(id: Domid, signal?: AbortSignal): Promise<Scheduling> {
    return await this.#ask('scheduling', { domid: id }, schedulingSchema, signal);
  }

  async setScheduling(id: Domid, { weight, cap }: SchedulingChange, signal?: AbortSignal): Promise<void> {
    await this.#change('setScheduling', id, signal, { weight, cap });
  }

  async dumpCore(id: Domid, path: string, signal: AbortSignal): Promise<void> {
    const params = { domid: guestDomid(id, 'dumped'), path };
    await this.#transfer('dumpCore', `core dump of domain ${id}`, undefined, params, z.unknown(), { signal });
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

  /** libxl cannot look inside a guest. */
  guestReport(): Promise<GuestReport | undefined> {
    return Promise.resolve(undefined);
  }

  events(signal: AbortSignal): AsyncIterable<ToolstackEvent> {
    return watchEvents(LIBXL_AGENT, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agent = this.#queries;
    this.#queries = undefined;
    this.#spare?.[Symbol.dispose]();
    await agent?.close();
  }

  async #change(method: string, id: Domid, signal?: AbortSignal, more: Record<string, unknown> = {}): Promise<void> {
    await this.#ask(method, { domid: guestDomid(id, `given to ${method}`), ...more }, z.unknown(), signal);
  }

  /** In an agent of its own: where it is given up, no other call must be. */
  async #plug(
    method: string,
    what: string,
    id: Domid,
    params: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const parent = signal ?? new AbortController().signal;
    using deadline = new Deadline(parent, SMALL_CALL_MS, 'E_DEADLINE_LIBXL', `the ${what}`);
    const domid = guestDomid(id, `given to ${method}`);
    await this.#transfer(method, what, undefined, { domid, ...params }, z.unknown(), { signal: deadline.signal });
  }

  /** A small call, to the agent that stays. One that died, or was killed for a cancelled call, is replaced by the next. */
  async #ask<T>(method: string, params: unknown, result: ZodType<T>, signal?: AbortSignal): Promise<T> {
    const parent = signal ?? new AbortController().signal;
    using deadline = new Deadline(parent, SMALL_CALL_MS, 'E_DEADLINE_LIBXL', `libxl's ${method}`);
    this.#queries ??= Agent.start({ entry: LIBXL_AGENT, what: 'calls to libxl' });
    const agent = this.#queries;
    try {
      return await agent.call(method, params, { signal: deadline.signal, result });
    } catch (error) {
      const isDead = error instanceof ToolstackError && error.code.startsWith('E_TOOLSTACK_AGENT_');
      if ((isDead || deadline.signal.aborted) && this.#queries === agent) {
        this.#queries = undefined;
        await agent.close();
      }
      throw error;
    }
  }

  /** A long call, in an agent of its own. */
  async #transfer<T>(
    method: string,
    what: string,
    stream: { readonly fd: OwnedFd; readonly flags: 'r' | 'w' } | undefined,
    params: unknown,
    result: ZodType<T>,
    options: TransferOptions,
  ): Promise<T> {
    options.signal.throwIfAborted();
    // An agent that is there already can open a pipe's end again; what else a descriptor may be, it has to inherit.
    const spare = stream !== undefined && fstatSync(stream.fd.fd).isFIFO() ? this.#spare?.take(what) : undefined;
    const agent = spare ?? Agent.start({ entry: LIBXL_AGENT, what, fds: stream === undefined ? [] : [stream.fd] });
    let lastError: string | undefined;
    const heard = (event: TransferEvent): void => {
      if (event.type === 'log' && event.level === 'error') lastError = event.text;
      options.onEvent?.(event);
    };
    try {
      const done = await agent.call<T, TransferEvent>(method, params, {
        signal: options.signal,
        result,
        event: { schema: transferEventSchema, heard },
        ...(spare === undefined || stream === undefined ? {} : { pipe: stream }),
      });
      // Its end is not waited for: the guest may stand still meanwhile.
      if (this.#spare === undefined) agent.dismiss();
      else this.#spare.retire(agent);
      return done;
    } catch (error) {
      await agent.close(); // what it held is free when the caller hears of the failure
      throw withLastWords(error, lastError);
    } finally {
      this.#spare?.again();
    }
  }
}

/** An agent that died cannot say why; what libxl had said last often does. */
function withLastWords(error: unknown, words: string | undefined): unknown {
  if (words === undefined || !(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_AGENT_DIED')
    return error;
  const { message, hint, data } = error;
  return new ToolstackError(error.code, `${message}, after libxl said: ${words}`, {
    cause: error.cause,
    ...(hint === undefined ? {} : { hint }),
    data,
  });
}

/** What the agent finds a device by. */
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

function paramsOf(config: GuestConfig): { name: string; uuid: string; config: string } {
  const { name, uuid } = config.domain;
  return { name, uuid, config: formatConfig(config) };
}
