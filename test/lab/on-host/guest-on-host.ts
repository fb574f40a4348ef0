import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../../src/domain/model.js';
import { parseDomainXml } from '../../../src/domain/parse.js';

const BOOT_MS = 300_000;
const LOOK_MS = 250;

let guests = 0;

const OS = {
  pv: `<type arch='x86_64' machine='xenpv'>linux</type>`,
  pvh: `<type arch='x86_64' machine='xenpvh'>xenpvh</type>`,
  hvm: `<type arch='x86_64' machine='xenfv'>hvm</type>`,
};

/** A guest of the lab's own kernel and ramdisk, from domain XML; each with another name and UUID. */
export function newGuest(type: keyof typeof OS = 'pvh'): Domain {
  guests += 1;
  return parseDomainXml(`<domain type='xen'>
  <name>own${process.pid}x${guests}</name>
  <uuid>${randomUUID()}</uuid>
  <memory unit='MiB'>128</memory>
  <vcpu>2</vcpu>
  <os>
    ${OS[type]}
    <kernel>/root/guests/vmlinuz</kernel>
    <initrd>/root/guests/initramfs</initrd>
    <cmdline>console=hvc0 quiet</cmdline>
  </os>
</domain>`);
}

/** Resolves when the guest prints its first tick: its kernel and programs are up by then. */
export async function ticks(name: string): Promise<void> {
  const log = `/var/log/xen/console/guest-${name}.log`;
  const until = Date.now() + BOOT_MS;
  while (!existsSync(log) || !readFileSync(log, 'latin1').includes(' tick ')) {
    if (Date.now() > until) throw new Error(`${name} has not booted`);
    await sleep(LOOK_MS);
  }
}
