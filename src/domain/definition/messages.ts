import { basename } from 'node:path';
import type { Domain } from '../model.js';
import type { Device } from './devices/device.js';
import type { Definition } from './model.js';
import { readDefinition } from './read.js';

/** Xen's own scripts for a card of a guest (tools/hotplug/Linux). */
const OWN_SCRIPTS: ReadonlySet<string> = new Set(['vif-bridge', 'vif-nat', 'vif-openvswitch', 'vif-route']);

/** Messages about a domain; none if its definition cannot be read, which is reported elsewhere. */
export function domainMessages(domain: Domain): string[] {
  try {
    return messagesOf(readDefinition(domain, { lenient: true }).definition);
  } catch {
    return [];
  }
}

/**
 * Messages for the operator about a domain's configuration, shown by `dominfo` and in the domain's log (L11): taints,
 * by libvirt's texts (virDomainTaintMessage), and deprecated settings.
 */
export function messagesOf({ deviceModelArgs, devices, emulator }: Definition): string[] {
  const taints = new Set<string>();
  if (deviceModelArgs.length > 0) taints.add('custom configuration parameters specified');
  for (const taint of devices.map(taintOf)) if (taint !== undefined) taints.add(taint);
  const deprecated = devices.flatMap(deprecatedIn);
  if (emulator !== undefined && basename(emulator) === 'qemu-dm') {
    deprecated.unshift(`emulator ${emulator} is the traditional device model; leave it out, or name qemu-system-i386`);
  }
  return [
    ...[...taints].map((taint) => `tainted: ${taint}`),
    ...deprecated.map((setting) => `deprecated configuration: ${setting}`),
  ];
}

function taintOf(device: Device): string | undefined {
  if (device.kind === 'interface' && device.script !== undefined && !OWN_SCRIPTS.has(basename(device.script))) {
    return 'network configuration using opaque shell scripts';
  }
  const isHostDrive =
    device.kind === 'disk' &&
    device.device === 'cdrom' &&
    device.source.type === 'block' &&
    device.source.path !== undefined;
  return isHostDrive ? 'use of host cdrom passthrough' : undefined;
}

function deprecatedIn(device: Device): string[] {
  if (device.kind !== 'disk' || (device.driver !== 'tap' && device.driver !== 'tap2')) return [];
  return [`disk ${device.target} has driver ${device.driver}, which Xen no longer has; use qemu`];
}
