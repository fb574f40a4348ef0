import { basename } from 'node:path';
import type { Domain } from '../model.js';
import type { Device } from './devices/device.js';
import type { Definition } from './model.js';
import { readDefinition } from './read.js';

/** Xen's own scripts for a card of a guest (tools/hotplug/Linux). */
const OWN_SCRIPTS: ReadonlySet<string> = new Set(['vif-bridge', 'vif-nat', 'vif-openvswitch', 'vif-route']);

/** The same of a domain; nothing of one that cannot be read as a definition, whose own error says more. */
export function domainMessages(domain: Domain): string[] {
  try {
    return messagesOf(readDefinition(domain, { lenient: true }).definition);
  } catch {
    return [];
  }
}

/**
 * What an operator should know of how a domain is set up, as `dominfo` shows it and the domain's log has it (L11): what takes it out of what
 * is known to work, in libvirt's words for taints (virDomainTaintMessage), and what will not be there for ever.
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
  return [`disk ${device.target} has driver ${device.driver}, which Xen has no longer; name qemu`];
}
