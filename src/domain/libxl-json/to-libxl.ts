import type { Definition } from '../definition/model.js';
import { notMapped } from '../native/not-mapped.js';
import { actionJson } from './action-field.js';
import { buildInfo } from './build-info.js';
import { devicesOfKind } from './devices-of-kind.js';
import { diskToJson } from './disk.js';
import { vfbToJson } from './display.js';
import { defbool, given, type Json, type JsonObject } from './json.js';
import { nicToJson } from './nic.js';
import { withSettings } from './xl-metadata.js';
import { channelToJson, pciToJson, usbControllerToJson, usbDeviceToJson } from './passthrough.js';

/** libxl_domain_config as JSON (libxl_types.idl). */
export type LibxlConfig = JsonObject;

function createInfo({ type, name, uuid, features }: Definition): JsonObject {
  const { passthrough } = features;
  return given({
    type,
    name,
    uuid,
    // A PV guest has no second set of page tables; libxl refuses settings for them.
    hap: type === 'pv' ? undefined : defbool(features.hap),
    passthrough:
      passthrough === undefined ? undefined : passthrough.enabled ? (passthrough.mode ?? 'enabled') : 'disabled',
  });
}

/** Device lists, each left out if empty. */
function deviceLists({ devices, type }: Definition): JsonObject {
  for (const device of devices) {
    if (device.kind === 'opaque' && !device.passedOver)
      throw notMapped(`<${device.element.name}>`, `Take the device out: ${device.why}.`);
    if (device.kind === 'parallel') throw notMapped('a parallel port', 'Take it out.');
    if (device.kind === 'memballoon' && device.model !== 'xen') {
      throw notMapped(`<memballoon model='${device.model}'>`, "Use model='xen'.");
    }
  }
  const hostdevs = devicesOfKind(devices, 'hostdev');
  const screens = type === 'hvm' ? [] : devicesOfKind(devices, 'graphics');
  const lists: Record<string, Json[]> = {
    disks: devicesOfKind(devices, 'disk').map(diskToJson),
    nics: devicesOfKind(devices, 'interface').map((nic, devid) => nicToJson(nic, devid, type)),
    pcidevs: hostdevs.flatMap((device) => (device.type === 'pci' ? [pciToJson(device)] : [])),
    vfbs: screens.map(vfbToJson),
    vkbs: screens.map((_, devid) => ({ devid })),
    channels: devicesOfKind(devices, 'channel').map(channelToJson),
    usbctrls: devicesOfKind(devices, 'controller').flatMap((one) =>
      one.type === 'usb' ? [usbControllerToJson(one)] : [],
    ),
    usbdevs: hostdevs.flatMap((device) => (device.type === 'usb' ? [usbDeviceToJson(device)] : [])),
  };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

/**
 * The configuration from which libxl makes the domain. Defaults must have been set (`applyDefaults`), and the
 * definition must be valid (`checkDefinition`). Elements that were ignored when it was read are not passed to libxl.
 * @throws RefusedError `E_REFUSED_NOT_MAPPED` for settings that libxl cannot express
 */
export function toLibxlConfig(definition: Definition): LibxlConfig {
  const { lifecycle } = definition;
  const config = {
    c_info: createInfo(definition),
    b_info: buildInfo(definition),
    ...deviceLists(definition),
    on_poweroff: actionJson(lifecycle.onPoweroff ?? 'destroy'),
    on_reboot: actionJson(lifecycle.onReboot ?? 'restart'),
    on_crash: actionJson(lifecycle.onCrash ?? 'destroy'),
  };
  return withSettings(config, definition);
}

/** `toLibxlConfig` as text, for `libxl_domain_config_from_json`. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function libxlJson(definition: Definition): string {
  return JSON.stringify(toLibxlConfig(definition));
}
