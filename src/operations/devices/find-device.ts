import type { Device } from '../../domain/definition/devices/device.js';
import type { Interface } from '../../domain/definition/devices/interface.js';
import type { Definition } from '../../domain/definition/model.js';
import { deviceText, isSameDevice } from '../../domain/definition/pluggable.js';
import { RefusedError } from '../../errors/errors.js';

/** A network card by its type of connection, and by its address if there are several. */
export interface CardOfType {
  readonly kind: 'card';
  readonly type: Interface['source']['type'];
  readonly mac: string | undefined;
}

/** A device as a user specifies it: the properties that distinguish it suffice. */
export type WantedDevice = Device | CardOfType;

/**
 * The device of a domain that matches: by target, address, number or place on the host. A network card without an
 * address has to be the only one with its source. @throws RefusedError `E_REFUSED_NO_DEVICE`, `E_REFUSED_AMBIGUOUS`
 */
export function findDevice({ name, devices }: Definition, wanted: WantedDevice): Device {
  const found = devices.filter((device) => isMeant(device, wanted));
  if (found.length === 1) return found[0];
  const kind = wanted.kind === 'card' ? 'interface' : wanted.kind;
  const alike = devices.filter((device) => device.kind === kind).map(deviceText);
  if (found.length > 1) {
    throw new RefusedError('E_REFUSED_AMBIGUOUS', `domain ${name} has ${found.length} matching devices`, {
      hint: `Specify one of ${alike.join(', ')}.`,
      data: { devices: alike },
    });
  }
  throw new RefusedError('E_REFUSED_NO_DEVICE', `${wantedText(wanted)} not found in domain ${name}`, {
    hint: alike.length === 0 ? `It has no ${kind} at all.` : `It has ${alike.join(', ')}.`,
    data: { devices: alike },
  });
}

function isMeant(device: Device, wanted: WantedDevice): boolean {
  if (wanted.kind === 'card') {
    if (device.kind !== 'interface' || device.source.type !== wanted.type) return false;
    return wanted.mac === undefined || wanted.mac === device.mac;
  }
  if (wanted.kind === 'interface' && wanted.mac === undefined) {
    return device.kind === 'interface' && JSON.stringify(device.source) === JSON.stringify(wanted.source);
  }
  return isSameDevice(device, wanted);
}

function wantedText(wanted: WantedDevice): string {
  if (wanted.kind !== 'card') return deviceText(wanted);
  return `network card ${wanted.mac === undefined ? '' : `${wanted.mac} `}of type ${wanted.type}`;
}
