import { z } from '../../errors/zod.js';
import { formatBigJson, parseBigJson } from './big-json.js';

/*
 * Devices in the configuration of a running domain, as libxl keeps it in JSON. An unreadable configuration has no
 * devices: a caller that needs one reports it as missing.
 */

const disksSchema = z.looseObject({
  disks: z.array(
    z.looseObject({ vdev: z.string(), backend: z.string().default('unknown'), format: z.string().optional() }),
  ),
});

/** Targets of the disks for which the configuration names no backend, without empty drives (S47). */
export function disksWithoutBackend(config: string): string[] {
  const { data } = disksSchema.safeParse(parseBigJson(config));
  return (data?.disks ?? [])
    .filter(({ backend, format }) => backend.toLowerCase() === 'unknown' && format !== 'empty')
    .map(({ vdev }) => vdev);
}

const backendSchema = z.looseObject({ backend: z.enum(['phy', 'tap', 'qdisk']) });

/** The backend in a libxl_device_disk; undefined if there is none. */
export function backendOf(disk: string): string | undefined {
  return backendSchema.safeParse(parseBigJson(disk)).data?.backend;
}

const usbDevicesSchema = z.looseObject({
  usbdevs: z.array(
    z.looseObject({ 'type.hostdev': z.looseObject({ hostbus: z.int(), hostaddr: z.int() }).optional() }),
  ),
});

/** The libxl_device_usbdev of the host's device at this place (S14). */
export function usbDeviceIn(config: string, bus: number, device: number): string | undefined {
  const { data } = usbDevicesSchema.safeParse(parseBigJson(config));
  const found = data?.usbdevs.find(({ 'type.hostdev': host }) => host?.hostbus === bus && host.hostaddr === device);
  return found === undefined ? undefined : formatBigJson(found);
}

const usbControllersSchema = z.looseObject({ usbctrls: z.array(z.looseObject({ devid: z.int().default(-1) })) });

/** The libxl_device_usbctrl of this number (S21). */
export function usbControllerIn(config: string, devid: number): string | undefined {
  const { data } = usbControllersSchema.safeParse(parseBigJson(config));
  const found = data?.usbctrls.find((one) => one.devid === devid);
  return found === undefined ? undefined : formatBigJson(found);
}
