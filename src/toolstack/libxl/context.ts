import { AbortedError, ToolstackError, XenferryError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { checkDom0Target, guestDomid, type Domid } from '../domid.js';
import { noButton } from '../no-button.js';
import { byWeight, checkScheduling } from '../scheduling.js';
import type { DomainInfo, Scheduling, SchedulingChange, TransferEvent } from '../toolstack.js';
import { maxMemoryOf, readConfig, withUuid } from './domain-config.js';
import { dominfoOf, toDomainInfo, type Dominfo } from './dominfo.js';
import type { EventPump } from './event-pump.js';
import type { LogTap } from './log-tap.js';
import {
  SHUTDOWN_REBOOT,
  SUSPEND_LIVE,
  TRIGGER_POWER,
  type Address,
  type LibxlNative,
  type NativeVcpu,
  type OperationTag,
} from './native.js';
import type { CpuSet } from '../../domain/cpu-set.js';
import type { PlugKind } from '../../domain/libxl-json/plug.js';
import { backendOf, disksWithoutBackend, usbControllerIn, usbDeviceIn } from './running-devices.js';
import { libxlError, RC_DOMAIN_NOTFOUND, RC_FAIL, RC_OK } from './return-code.js';
import { formatSchedParams, parseSchedParams } from './sched-params.js';
import { withMemory, withStruct } from './with-struct.js';

/** Under this id libxl keeps a domain's configuration as JSON, whoever started it (libxl_internal.h). */
const CONFIG_USERDATA = 'libxl-json';
/**
 * Under this id the UUID of a preserved domain is kept: libxl_domain_preserve writes it to xenstore only, and Xen, which
 * libxl_domain_info asks, goes on with the old one.
 */
const PRESERVED_USERDATA = 'xenferry-uuid';
const DOMID_BYTES = 4;
const KIB_BYTES = 8;
/** For looking only. */
const DOMID_0 = 0;

export interface Transfer {
  readonly signal: AbortSignal;
  readonly heard: (event: TransferEvent) => void;
}

/** What a domain runs as. */
export interface RunningConfig {
  /** libxl's JSON. */
  readonly config: string;
  /** What serves the disks for which the JSON leaves it to libxl, by target (S47). */
  readonly backends: Readonly<Record<string, string>>;
}

/** A device by what tells it from the others of its kind. */
export type NamedDevice =
  | { readonly kind: 'disk'; readonly vdev: string }
  | { readonly kind: 'nic'; readonly mac: string }
  | { readonly kind: 'usbctrl'; readonly devid: number }
  /** The host's, by its place there. */
  | { readonly kind: 'usbdev'; readonly bus: number; readonly device: number };

export interface NewGuest {
  readonly name: string;
  readonly uuid: string;
  /** libxl's JSON, with that name and UUID in it. */
  readonly config: string;
}

/** What libxl does for a host, in terms of the toolstack contract. Lives in an agent. */
export class LibxlContext {
  readonly #native: LibxlNative;
  readonly #pump: EventPump;
  readonly #tap: Pick<LogTap, 'during'>;

  constructor(native: LibxlNative, pump: EventPump, tap: Pick<LogTap, 'during'>) {
    this.#native = native;
    this.#pump = pump;
    this.#tap = tap;
  }

  /** Domain 0 left out. */
  async list(): Promise<DomainInfo[]> {
    const { result: domids } = await this.#tap.during(undefined, undefined, () =>
      Promise.resolve(this.#native.listDomids()),
    );
    if (domids === undefined) throw libxlError({ doing: 'list domains', rc: -3, log: [] });
    const infos = await Promise.all(domids.filter((id) => id !== 0).map((id) => this.info(guestDomid(id))));
    return infos.filter((info) => info !== undefined); // some may have gone meanwhile
  }

  async info(id: Domid): Promise<DomainInfo | undefined> {
    const info = await this.dominfo(id);
    if (info === undefined) return undefined;
    const config = this.#native.userdata(id, CONFIG_USERDATA);
    return toDomainInfo(info, {
      name: this.#native.domainName(id),
      maxMemoryKiB: config === undefined ? undefined : maxMemoryOf(config),
    });
  }

  /** What Xen itself says of a domain, but for the UUID of a preserved one; undefined where there is none. */
  async dominfo(id: Domid): Promise<Dominfo | undefined> {
    const info = await dominfoOf(this.#native, id);
    if (info?.shutdown !== true) return info; // only what has shut down is ever preserved
    const uuid = this.#native.userdata(id, PRESERVED_USERDATA);
    return uuid === undefined ? info : { ...info, uuid };
  }

  /** The running configuration: what the domain was made from, and its devices now. */
  async describe(id: Domid): Promise<RunningConfig> {
    const config = await this.#configOf(id);
    const backends: Record<string, string> = {};
    for (const vdev of disksWithoutBackend(config)) {
      const backend = await withStruct(this.#native, 'device_disk', (at) => {
        if (this.#native.diskByVdev(id, vdev, at) !== RC_OK) return undefined; // it is on its way in or out
        const disk = this.#native.toJson('device_disk', at);
        return disk === undefined ? undefined : backendOf(disk);
      });
      if (backend !== undefined) backends[vdev] = backend;
    }
    return { config, backends };
  }

  async #configOf(id: Domid): Promise<string> {
    return await withStruct(this.#native, 'domain_config', async (at) => {
      await this.#do(`read the configuration of domain ${id}`, id, () => this.#native.retrieveConfig(id, at));
      const json = this.#native.toJson('domain_config', at);
      if (json === undefined) throw libxlError({ doing: `describe domain ${id}`, rc: -3, log: [], domid: id });
      const uuid = this.#native.userdata(id, PRESERVED_USERDATA);
      return uuid === undefined ? json : withUuid(json, uuid);
    });
  }

  /** Makes a domain, paused. @throws also ToolstackError E_TOOLSTACK_NAME_TAKEN, E_TOOLSTACK_UUID_TAKEN */
  async create(guest: NewGuest, transfer: Transfer): Promise<Domid> {
    return await this.#make(`create ${guest.name}`, guest, transfer, (config, out, tag) =>
      this.#native.create(config, out, tag),
    );
  }

  /** Makes a domain from a save stream, paused. The descriptor stays the caller's. */
  async restore(guest: NewGuest, fd: number, streamVersion: number, transfer: Transfer): Promise<Domid> {
    return await withStruct(this.#native, 'domain_restore_params', async (params) => {
      const rc = this.#native.fromJson(
        'domain_restore_params',
        params,
        JSON.stringify({ stream_version: streamVersion }),
      );
      if (rc !== RC_OK) throw libxlError({ doing: 'set the stream version', rc, log: [] });
      return await this.#make(`restore ${guest.name}`, guest, transfer, (config, out, tag) =>
        this.#native.restore(config, out, fd, params, tag),
      );
    });
  }

  /** Writes a domain's save stream. The descriptor stays the caller's. */
  async save(id: Domid, fd: number, live: boolean, transfer: Transfer): Promise<void> {
    try {
      await this.#mutate('saved', id, `save domain ${id}`, transfer, (domid, tag) =>
        this.#native.suspend(domid, fd, live ? SUSPEND_LIVE : 0, tag),
      );
    } catch (error) {
      await this.withdrawSuspend(id);
      throw error;
    }
  }

  /**
   * A save that ended early may have asked the guest to suspend: it must not do so when nobody waits for it any more. Where it
   * had heard already, whoever looks finds it suspended, and resumes it.
   */
  async withdrawSuspend(id: Domid): Promise<void> {
    try {
      await this.#native.withdrawSuspend(guestDomid(id, 'asked not to suspend'));
    } catch {
      // The domain has gone, or xenstored has: what broke the save is the story.
    }
  }

  async resume(id: Domid): Promise<void> {
    const info = await this.dominfo(id);
    if (info?.shutdown !== true || info.shutdown_reason !== 'suspend') {
      throw new ToolstackError('E_TOOLSTACK_NOT_SUSPENDED', `domain ${id} cannot be resumed: it is not suspended`, {
        hint: 'Only a domain in state shutdown, reason suspend, can be resumed.',
        data: { domid: id },
      });
    }
    await this.#mutate('resumed', id, `resume domain ${id}`, undefined, (domid, tag) =>
      this.#native.resume(domid, true, tag),
    );
  }

  async pause(id: Domid): Promise<void> {
    await this.#mutate('paused', id, `pause domain ${id}`, undefined, (domid, tag) => this.#native.pause(domid, tag));
  }

  async unpause(id: Domid): Promise<void> {
    await this.#mutate('unpaused', id, `unpause domain ${id}`, undefined, (domid, tag) =>
      this.#native.unpause(domid, tag),
    );
  }

  async rename(id: Domid, name: string): Promise<void> {
    await this.#do(`rename domain ${id} to ${name}`, id, () => this.#native.rename(guestDomid(id, 'renamed'), name));
  }

  /** Gives a domain that has shut down a suffix behind its name, and another UUID. */
  async preserve(id: Domid, suffix: string, uuid: string): Promise<void> {
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
    await withStruct(this.#native, 'domain_config', async (config) => {
      const domid = guestDomid(id, 'preserved');
      await this.#do(`look at domain ${id}`, id, () => this.#native.retrieveConfig(domid, config));
      await this.#do(`preserve domain ${id}`, id, () => this.#native.preserve(domid, config, suffix, bytes));
      await this.#do(`keep the UUID of domain ${id}`, id, () =>
        Promise.resolve(this.#native.keepUserdata(domid, PRESERVED_USERDATA, uuid)),
      );
    });
  }

  /** Asks the guest; one without Xen drivers cannot hear it. */
  async shutdown(id: Domid): Promise<void> {
    await this.#mutate('shut down', id, `shut domain ${id} down`, undefined, (domid, tag) =>
      this.#native.shutdown(domid, tag),
    );
  }

  /**
   * Presses a button of an HVM guest. libxl and Xen do something to any other as well: a reset ends a PVH guest.
   * @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other
   */
  async press(id: Domid, button: 'power' | 'reset'): Promise<void> {
    const { domain } = readConfig(await this.#configOf(guestDomid(id, `given its ${button} button`)));
    if (domain.type !== 'hvm') throw noButton(domain, button);
    const doing = `press the ${button} button of domain ${id}`;
    if (button === 'reset') {
      await this.#do(doing, id, () =>
        Promise.resolve(this.#native.forceShutdown(guestDomid(id, 'reset'), SHUTDOWN_REBOOT)),
      );
      return;
    }
    await this.#mutate('turned off by its power button', id, doing, undefined, (domid, tag) =>
      this.#native.trigger(domid, TRIGGER_POWER, tag),
    );
  }

  /** libxl itself would take a target of nothing, and the guest's balloon would leave it no page to run on. */
  async setMemory(id: Domid, kib: number): Promise<void> {
    if (!Number.isSafeInteger(kib) || kib <= 0) {
      throw new ToolstackError('E_TOOLSTACK_INVAL', `domain ${id} cannot have ${kib} KiB of memory`, {
        hint: 'Give a whole number of KiB above 0.',
        data: { domid: id, kib },
      });
    }
    await this.#do(`give domain ${id} ${kib} KiB`, id, () =>
      this.#native.setMemoryTarget(guestDomid(id, 'given memory'), kib),
    );
  }

  /** What it takes to make a domain, in KiB. The configuration is a copy: libxl fills its defaults into it. */
  async neededMemory(json: string): Promise<number> {
    return await withStruct(this.#native, 'domain_config', async (config) => {
      await this.#do('read the configuration', undefined, () =>
        Promise.resolve(this.#native.fromJson('domain_config', config, json)),
      );
      return await withMemory(this.#native, KIB_BYTES, async (out) => {
        await this.#do('see how much memory it needs', undefined, () => this.#native.neededMemory(config, out));
        return Number(this.#native.readUint64(out));
      });
    });
  }

  /** Asks domain 0 for memory back: less than it has, and nothing else. */
  async setDom0Target(kib: number): Promise<void> {
    const dom0 = await dominfoOf(this.#native, DOMID_0);
    checkDom0Target(kib, dom0 === undefined ? undefined : Number(dom0.current_memkb));
    await this.#do(`ask domain 0 to make do with ${kib} KiB`, undefined, () => this.#native.setDom0Target(kib));
  }

  async setVcpus(id: Domid, online: CpuSet): Promise<void> {
    await this.#native.withBitmap(online, (bitmap) =>
      this.#mutate('given processors', id, `give domain ${id} ${online.size} processors`, undefined, (domid, tag) =>
        this.#native.setVcpuOnline(domid, bitmap, tag),
      ),
    );
  }

  /** libxl does not say why it has no list: it is told here whether the domain has gone. */
  async vcpus(id: Domid): Promise<NativeVcpu[]> {
    const found = this.#native.listVcpus(id);
    if (found !== undefined) return found;
    const rc = (await this.dominfo(id)) === undefined ? RC_DOMAIN_NOTFOUND : RC_FAIL;
    throw libxlError({ doing: `look at processors of domain ${id}`, rc, log: [], domid: id });
  }

  async pinVcpu(id: Domid, vcpu: number, cpus: CpuSet): Promise<void> {
    const domid = guestDomid(id, 'pinned');
    await this.#native.withBitmap(cpus, (bitmap) =>
      this.#do(`pin processor ${vcpu} of domain ${id}`, id, () => this.#native.setVcpuAffinity(domid, vcpu, bitmap)),
    );
  }

  /** @throws RefusedError `E_REFUSED_UNSUPPORTED` where its scheduler knows no weight and cap */
  async scheduling(id: Domid): Promise<Scheduling> {
    const doing = `see how domain ${id} is scheduled`;
    return await withStruct(this.#native, 'domain_sched_params', async (params) => {
      const { result, errors } = await this.#tap.during(id, undefined, () => this.#native.schedParams(id, params));
      const json = this.#native.toJson('domain_sched_params', params);
      if (json === undefined) throw libxlError({ doing, rc: RC_FAIL, log: errors, domid: id });
      const { sched, weight, cap } = parseSchedParams(json);
      // Named also where libxl fails because it knows nothing else of it.
      const scheduler = sched === undefined ? undefined : byWeight(sched, id);
      if (result === RC_OK && scheduler !== undefined && weight !== undefined && cap !== undefined) {
        return { scheduler, weight, cap };
      }
      // libxl does not say so of a domain that has gone.
      const rc = (await this.dominfo(id)) === undefined ? RC_DOMAIN_NOTFOUND : result === RC_OK ? RC_FAIL : result;
      throw libxlError({ doing, rc, log: errors, domid: id });
    });
  }

  /** libxl sets nothing and says that it did, where the scheduler is one without weights. */
  async setScheduling(id: Domid, change: SchedulingChange): Promise<void> {
    const { scheduler } = await this.scheduling(guestDomid(id, 'given another weight or cap'));
    const doing = `change how domain ${id} is scheduled`;
    const info = await this.dominfo(id);
    if (info === undefined) throw libxlError({ doing, rc: RC_DOMAIN_NOTFOUND, log: [], domid: id });
    checkScheduling(id, change, info.vcpu_max_id + 1);
    await withStruct(this.#native, 'domain_sched_params', async (params) => {
      await this.#do(doing, id, () =>
        Promise.resolve(
          this.#native.fromJson('domain_sched_params', params, formatSchedParams({ sched: scheduler, ...change })),
        ),
      );
      await this.#do(doing, id, () =>
        this.#native.setSchedParams(guestDomid(id, 'given another weight or cap'), params),
      );
    });
  }

  async dumpCore(id: Domid, path: string, transfer: Transfer): Promise<void> {
    await this.#mutate('dumped', id, `dump domain ${id} to ${path}`, transfer, (domid, tag) =>
      this.#native.coreDump(domid, path, tag),
    );
  }

  async reboot(id: Domid): Promise<void> {
    await this.#mutate('rebooted', id, `reboot domain ${id}`, undefined, (domid, tag) =>
      this.#native.reboot(domid, tag),
    );
  }

  /** Succeeds where the domain has gone already. */
  async destroy(id: Domid): Promise<void> {
    if ((await this.dominfo(id)) === undefined) return;
    try {
      await this.#mutate('destroyed', id, `destroy domain ${id}`, undefined, (domid, tag) =>
        this.#native.destroy(domid, tag),
      );
    } catch (error) {
      if (error instanceof ToolstackError && error.code === 'E_TOOLSTACK_DOMAIN_GONE') return; // somebody was faster
      throw error;
    }
  }

  /** Plugs a device in. Where that fails, libxl may leave it in the domain and its configuration. */
  async attach(id: Domid, kind: PlugKind, json: string, transfer: Transfer): Promise<void> {
    await withStruct(this.#native, `device_${kind}`, async (device) => {
      await this.#fill(kind, device, json);
      await this.#mutate('given a device', id, `attach a ${kind} to domain ${id}`, transfer, (domid, tag) =>
        this.#native.addDevice(kind, domid, device, tag),
      );
    });
  }

  /**
   * Takes a device out, as libxl itself has it now; a disk from a guest that uses it only where `force` says so.
   * @throws ToolstackError `E_TOOLSTACK_NOTFOUND` where it has none such
   */
  async detach(id: Domid, named: NamedDevice, force: boolean, transfer: Transfer): Promise<void> {
    const { kind } = named;
    await withStruct(this.#native, `device_${kind}`, async (device) => {
      await this.#find(id, named, device);
      await this.#mutate('deprived of a device', id, `detach a ${kind} from domain ${id}`, transfer, (domid, tag) =>
        kind === 'disk' && !force
          ? this.#native.safeRemoveDisk(domid, device, tag)
          : this.#native.removeDevice(kind, domid, device, tag),
      );
    });
  }

  /** Puts the medium into the drive of its target, or takes it out where the disk is empty. */
  async changeMedium(id: Domid, json: string, transfer: Transfer): Promise<void> {
    await withStruct(this.#native, 'device_disk', async (device) => {
      await this.#fill('disk', device, json);
      await this.#mutate('given another medium', id, `change a medium of domain ${id}`, transfer, (domid, tag) =>
        this.#native.insertMedium(domid, device, tag),
      );
    });
  }

  async #fill(kind: PlugKind, device: Address, json: string): Promise<void> {
    await this.#do(`read the ${kind}`, undefined, () =>
      Promise.resolve(this.#native.fromJson(`device_${kind}`, device, json)),
    );
  }

  async #find(id: Domid, named: NamedDevice, device: Address): Promise<void> {
    switch (named.kind) {
      case 'disk':
        if (this.#native.diskByVdev(id, named.vdev, device) !== RC_OK) throw noDevice(id, `disk ${named.vdev}`);
        return;
      case 'nic':
        if (this.#native.nicByMac(id, named.mac, device) !== RC_OK) throw noDevice(id, `network card ${named.mac}`);
        return;
      case 'usbctrl': {
        const json = usbControllerIn(await this.#configOf(id), named.devid);
        if (json === undefined) throw noDevice(id, `controller usb:${named.devid}`);
        await this.#fill('usbctrl', device, json);
        return;
      }
      case 'usbdev': {
        const { bus, device: number } = named;
        const json = usbDeviceIn(await this.#configOf(id), bus, number);
        if (json === undefined) throw noDevice(id, `host USB device Busnum: ${bus}, Devnum: ${number}`);
        await this.#fill('usbdev', device, json);
        return;
      }
    }
  }

  /**
   * The one way to a call that stops, moves or kills a domain: the id is checked again right before it, so
   * that nothing that went wrong above can make it domain 0's.
   */
  async #mutate(
    done: string,
    id: Domid,
    doing: string,
    transfer: Transfer | undefined,
    start: (domid: Domid, tag: OperationTag) => Promise<number>,
  ): Promise<void> {
    await this.#do(
      doing,
      id,
      () => this.#pump.run((tag) => start(guestDomid(id, done), tag), transfer?.signal),
      transfer,
    );
  }

  /** A call and its return code. */
  async #do(doing: string, id: Domid | undefined, call: () => Promise<number>, transfer?: Transfer): Promise<void> {
    transfer?.signal.throwIfAborted();
    const { result: rc, errors } = await this.#tap.during(id, transfer?.heard, call);
    if (rc === RC_OK) return;
    if (transfer?.signal.aborted === true) throw abortReason(transfer.signal);
    throw libxlError({ doing, rc, log: errors, ...(id === undefined ? {} : { domid: id }) });
  }

  async #make(
    doing: string,
    guest: NewGuest,
    transfer: Transfer,
    start: (config: Address, domidOut: Address, tag: OperationTag) => Promise<number>,
  ): Promise<Domid> {
    await this.#checkFree(guest);
    return await withStruct(this.#native, 'domain_config', async (config) => {
      await this.#do('read the configuration', undefined, () =>
        Promise.resolve(this.#native.fromJson('domain_config', config, guest.config)),
      );
      return await withMemory(this.#native, DOMID_BYTES, async (out) => {
        try {
          await this.#do(
            doing,
            undefined,
            () => this.#pump.run((tag) => start(config, out, tag), transfer.signal),
            transfer,
          );
          return guestDomid(this.#native.readUint32(out));
        } catch (error) {
          await this.#removeHalfMade(this.#native.readUint32(out), guest);
          throw error;
        }
      });
    });
  }

  /** libxl itself looks at names only. */
  async #checkFree({ name, uuid }: NewGuest): Promise<void> {
    for (const other of await this.list()) {
      const data = { domid: other.domid, uuid: other.uuid };
      if (other.uuid === uuid) {
        throw new ToolstackError(
          'E_TOOLSTACK_UUID_TAKEN',
          `domain ${other.domid} (${other.name}) has UUID ${uuid} already`,
          { hint: 'It may be the same guest: look at it before removing it.', data },
        );
      }
      if (other.name === name) {
        throw new ToolstackError('E_TOOLSTACK_NAME_TAKEN', `domain ${other.domid} is named ${name} already`, {
          hint: 'Choose another name.',
          data,
        });
      }
    }
  }

  /**
   * libxl destroys what it could not make whole, but not what it was told to abort. Only what has the new
   * guest's UUID is destroyed: no other had it before.
   */
  async #removeHalfMade(domid: number, { uuid }: NewGuest): Promise<void> {
    if (domid === 0 || domid >= DOMID_FIRST_RESERVED) return; // nothing was made
    const id = guestDomid(domid);
    if ((await this.dominfo(id))?.uuid === uuid) await this.destroy(id);
  }
}

function noDevice(id: Domid, what: string): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_NOTFOUND', `${what} not found in domain ${id}`, {
    hint: '`xenferry dumpxml` shows what it has.',
    data: { domid: id, device: what },
  });
}

/** 0x7ff0 and above are no domains (xen.h); libxl leaves ~0 where it made none. */
const DOMID_FIRST_RESERVED = 0x7ff0;

function abortReason(signal: AbortSignal): XenferryError {
  const reason = asError(signal.reason);
  return reason instanceof XenferryError ? reason : new AbortedError(reason.message, { cause: reason });
}
