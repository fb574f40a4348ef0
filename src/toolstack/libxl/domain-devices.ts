import type { PlugKind } from '../../domain/libxl-json/plug.js';
import { ToolstackError } from '../../errors/errors.js';
import type { Domid } from '../domid.js';
import { checkDeviceModel, type DeviceModelWatch } from './device-model.js';
import type { DomainQueries } from './domain-queries.js';
import type { LibxlCalls, Transfer } from './libxl-calls.js';
import type { Address, LibxlNative } from './native.js';
import { RC_OK } from './return-code.js';
import { usbControllerIn, usbDeviceIn } from './running-devices.js';
import { withStruct } from './with-struct.js';

/** The identity of a device among those of its kind. */
export type NamedDevice =
  | { readonly kind: 'disk'; readonly vdev: string }
  | { readonly kind: 'nic'; readonly mac: string }
  | { readonly kind: 'usbctrl'; readonly devid: number }
  /** The host's, by its place there. */
  | { readonly kind: 'usbdev'; readonly bus: number; readonly device: number };

/** Hot plug of devices. After each change the domain's device model has to be alive: `E_TOOLSTACK_DEVICE_MODEL`. */
export class DomainDevices {
  private readonly native: LibxlNative;

  constructor(
    private readonly calls: LibxlCalls,
    private readonly queries: DomainQueries,
    private readonly deviceModel: DeviceModelWatch = {},
  ) {
    this.native = calls.native;
  }

  /** Attaches a device. If that fails, libxl may leave it in the domain and its configuration. */
  async attach(id: Domid, kind: PlugKind, json: string, transfer: Transfer): Promise<void> {
    await withStruct(this.native, `device_${kind}`, async (device) => {
      await this.#fill(kind, device, json);
      await this.calls.mutate('given a device', id, `attach a ${kind} to domain ${id}`, transfer, (domid, tag) =>
        this.native.addDevice(kind, domid, device, tag),
      );
    });
    await checkDeviceModel(this.native, id, this.deviceModel);
  }

  /**
   * Detaches a device, in libxl's present form of it; a disk that its guest uses only with `force`.
   * @throws ToolstackError `E_TOOLSTACK_NOTFOUND` if the domain has no such device
   */
  async detach(id: Domid, named: NamedDevice, force: boolean, transfer: Transfer): Promise<void> {
    const { kind } = named;
    await withStruct(this.native, `device_${kind}`, async (device) => {
      await this.#find(id, named, device);
      await this.calls.mutate(
        'deprived of a device',
        id,
        `detach a ${kind} from domain ${id}`,
        transfer,
        (domid, tag) =>
          kind === 'disk' && !force
            ? this.native.safeRemoveDisk(domid, device, tag)
            : this.native.removeDevice(kind, domid, device, tag),
      );
    });
    await checkDeviceModel(this.native, id, this.deviceModel);
  }

  /** Inserts the medium into the drive of its target, or ejects it if the disk is empty. */
  async changeMedium(id: Domid, json: string, transfer: Transfer): Promise<void> {
    await withStruct(this.native, 'device_disk', async (device) => {
      await this.#fill('disk', device, json);
      await this.calls.mutate('given another medium', id, `change a medium of domain ${id}`, transfer, (domid, tag) =>
        this.native.insertMedium(domid, device, tag),
      );
    });
    await checkDeviceModel(this.native, id, this.deviceModel);
  }

  async #fill(kind: PlugKind, device: Address, json: string): Promise<void> {
    await this.calls.run(`read the ${kind}`, undefined, () =>
      Promise.resolve(this.native.fromJson(`device_${kind}`, device, json)),
    );
  }

  async #find(id: Domid, named: NamedDevice, device: Address): Promise<void> {
    switch (named.kind) {
      case 'disk':
        if (this.native.diskByVdev(id, named.vdev, device) !== RC_OK) throw noDevice(id, `disk ${named.vdev}`);
        return;
      case 'nic':
        if (this.native.nicByMac(id, named.mac, device) !== RC_OK) throw noDevice(id, `network card ${named.mac}`);
        return;
      case 'usbctrl': {
        const json = usbControllerIn(await this.queries.configOf(id), named.devid);
        if (json === undefined) throw noDevice(id, `controller usb:${named.devid}`);
        await this.#fill('usbctrl', device, json);
        return;
      }
      case 'usbdev': {
        const { bus, device: number } = named;
        const json = usbDeviceIn(await this.queries.configOf(id), bus, number);
        if (json === undefined) throw noDevice(id, `host USB device Busnum: ${bus}, Devnum: ${number}`);
        await this.#fill('usbdev', device, json);
        return;
      }
    }
  }
}

function noDevice(id: Domid, what: string): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_NOTFOUND', `${what} not found in domain ${id}`, {
    hint: '`xenferry dumpxml` shows its devices.',
    data: { domid: id, device: what },
  });
}
