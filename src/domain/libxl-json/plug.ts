import type { Pluggable } from '../definition/pluggable.js';
import type { GuestType } from '../model.js';
import { diskToJson } from './disk.js';
import type { JsonObject } from './json.js';
import { nicToJson } from './nic.js';
import { usbControllerToJson, usbDeviceToJson } from './passthrough.js';

/** libxl's structures for devices that can be plugged in, by the names in its calls (`libxl_device_disk_add`). */
export const PLUG_KINDS = ['disk', 'nic', 'usbctrl', 'usbdev'] as const;
export type PlugKind = (typeof PLUG_KINDS)[number];

/** One device in libxl's form. */
export interface Plug {
  readonly kind: PlugKind;
  readonly json: JsonObject;
}

/** The device in libxl's form. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function plugOf(device: Pluggable, guest: GuestType): Plug {
  switch (device.kind) {
    case 'disk':
      return { kind: 'disk', json: diskToJson(device) };
    case 'interface':
      return { kind: 'nic', json: nicToJson(device, undefined, guest, 'attach') };
    case 'controller':
      return { kind: 'usbctrl', json: usbControllerToJson(device) };
    case 'hostdev':
      return { kind: 'usbdev', json: usbDeviceToJson(device) };
  }
}
