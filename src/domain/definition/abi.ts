import { formatCpuSet } from '../cpu-set.js';
import type { NumaCell } from './cpu.js';
import type { Device } from './devices/device.js';
import type { Definition } from './model.js';

/**
 * The part of a device that the guest sees; undefined if it sees nothing. Where the host stores it is invisible to the
 * guest.
 */
function visibleOf(device: Device): unknown {
  const at = device.guestAddress;
  switch (device.kind) {
    case 'disk':
      return {
        at,
        device: device.device,
        bus: device.bus,
        readonly: device.readonly,
      };
    case 'interface':
      return { at, mac: device.mac, model: device.model, mtu: device.mtu };
    case 'console':
      return { target: device.target, port: device.port };
    case 'serial':
    case 'parallel':
      return { port: device.port };
    case 'channel':
      return { type: device.targetType, name: device.name };
    case 'video':
      return { ...device, alias: undefined, extra: undefined };
    case 'input':
      return { type: device.type, bus: device.bus };
    case 'sound':
      return { model: device.model };
    case 'controller':
      return { ...device, alias: undefined, extra: undefined };
    case 'memballoon':
      return { model: device.model };
    case 'hostdev':
      return { ...device, alias: undefined, extra: undefined };
    // A display is invisible to the guest; an opaque device cannot be compared.
    case 'graphics':
    case 'opaque':
      return undefined;
  }
}

/** The guest's name for a device, if it has one. */
function keyOf(device: Device): string {
  switch (device.kind) {
    case 'disk':
      return `disk[target='${device.target}']`;
    case 'interface':
      return `interface[mac='${device.mac ?? ''}']`;
    case 'controller':
      return `controller[type='${device.type}']`;
    default:
      return device.kind;
  }
}

/** A cell without its host node, since another host has other nodes. */
function cellView({ pnode: _, ...cell }: NumaCell): unknown {
  return { ...cell, cpus: formatCpuSet(cell.cpus) };
}

/** Everything that the running guest can observe, by path. */
function guestView(definition: Definition): Map<string, string> {
  const { os, clock, cpu } = definition;
  const view = new Map<string, string>();
  const put = (path: string, value: unknown): void => void view.set(`/domain/${path}`, JSON.stringify(value ?? null));
  put('uuid', definition.uuid);
  put('os/type', [definition.type, os.arch, os.machine]);
  put('os/firmware', [os.firmware, os.loader?.type]);
  put('memory', definition.memoryMaxKiB);
  put('vcpu', definition.vcpusMax);
  put('genid', definition.genid);
  put('features', definition.features);
  put('clock', clock);
  put('pm', definition.power);
  put('cpu', cpu && { ...cpu, check: undefined, numa: cpu.numa.map(cellView) });
  const seen = new Map<string, number>();
  for (const device of definition.devices) {
    const visible = visibleOf(device);
    if (visible === undefined) continue;
    const key = keyOf(device);
    const number = (seen.get(key) ?? 0) + 1;
    seen.set(key, number);
    put(`devices/${key}${number === 1 ? '' : `[${number}]`}`, visible);
  }
  return view;
}

/**
 * Differences between two definitions that a running guest would observe; both complete (`applyDefaults`). Empty: one
 * may replace the other under the guest, as in a migration with `--xml` (facts 2.1). Sources of disks and networks,
 * displays, far ends of consoles, pinning, titles and the actions at the end of the guest may differ.
 */
export function abiDifferences(live: Definition, wanted: Definition): string[] {
  const before = guestView(live);
  const after = guestView(wanted);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((path) => {
    const [was, is] = [before.get(path), after.get(path)];
    if (was === is) return [];
    if (is === undefined) return [`${path}: is missing`];
    if (was === undefined) return [`${path}: is new`];
    return [`${path}: differs from the running domain`];
  });
}
