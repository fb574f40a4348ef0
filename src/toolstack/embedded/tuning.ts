import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CpuSet, formatCpuSet } from '../../domain/cpu-set.js';
import type { Domain } from '../../domain/model.js';
import { SystemError, ToolstackError } from '../../errors/errors.js';
import type { VcpuInfo } from '../toolstack.js';
import { changeConfig, readConfig } from './domain-config.js';
import { infoOf, requireBuilt } from './domain-record.js';
import { MIN_KIB } from './guest-shape.js';
import type { LockedDomain } from './locked-domain.js';
import { catchUp } from './run-state.js';

/** `describe` returns the running configuration, as with libxl. */
function changeDomain({ folder }: LockedDomain, changes: Partial<Domain>): void {
  changeConfig(folder, { ...readConfig(folder).domain, ...changes });
}

/**
 * A simulated guest's balloon reaches its target at once. @throws ToolstackError `E_TOOLSTACK_INVAL` if it cannot be
 * that large or small: the domain's record must stay readable
 */
export function setMemory(domain: LockedDomain, kib: number): void {
  const { record } = domain;
  requireBuilt(record);
  if (!Number.isSafeInteger(kib) || kib < MIN_KIB || kib > record.maxMemoryKiB) {
    throw new ToolstackError(
      'E_TOOLSTACK_INVAL',
      `domain ${record.domid} (${record.name}) cannot have ${kib} KiB of memory: it may have ${MIN_KIB} to ${record.maxMemoryKiB}`,
      { hint: 'Choose a whole number in between.', data: { domid: record.domid, kib } },
    );
  }
  changeDomain(domain, { memoryCurrentKiB: kib });
  domain.update({ memoryKiB: kib });
}

/** Changes which virtual processors are online. @throws ToolstackError `E_TOOLSTACK_INVAL` */
export function setOnline(domain: LockedDomain, online: CpuSet): void {
  requireBuilt(domain.record);
  const { vcpusMax } = readConfig(domain.folder).domain;
  if (online.last === undefined || online.last >= vcpusMax) {
    throw new ToolstackError(
      'E_TOOLSTACK_INVAL',
      `processors ${formatCpuSet(online)} are not among its 0 to ${vcpusMax - 1}`,
    );
  }
  changeDomain(domain, { vcpusCurrent: online.size });
  domain.update({ vcpus: online.size, online: [...online] });
}

/** The virtual processors. The run time is divided evenly: a simulated guest has no processors of its own. */
export function vcpusOf(domain: LockedDomain): VcpuInfo[] {
  const { record } = domain;
  const info = infoOf(record);
  const online = new Set(record.online ?? Array.from({ length: record.vcpus }, (_, vcpu) => vcpu));
  const { vcpusMax } = readConfig(domain.folder).domain;
  return Array.from({ length: vcpusMax }, (_, number): VcpuInfo => {
    const affinity = record.pins?.[String(number)];
    const isOnline = online.has(number);
    return {
      number,
      state: !isOnline ? 'offline' : info.state === 'running' ? 'running' : 'blocked',
      cpu: isOnline ? (affinity?.[0] ?? 0) : undefined,
      cpuTimeNs: isOnline ? info.cpuTimeNs / BigInt(online.size) : 0n,
      affinity: affinity && CpuSet.of(affinity),
    };
  });
}

/** Pins a virtual processor. @throws ToolstackError `E_TOOLSTACK_INVAL` */
export function pinVcpu(domain: LockedDomain, vcpu: number, cpus: CpuSet): void {
  requireBuilt(domain.record);
  if (vcpu >= readConfig(domain.folder).domain.vcpusMax) {
    throw new ToolstackError('E_TOOLSTACK_INVAL', `it has no processor ${vcpu}`);
  }
  if (cpus.isEmpty) {
    throw new ToolstackError('E_TOOLSTACK_INVAL', `processor ${vcpu} cannot be pinned to no processor of the host`, {
      hint: 'Name at least one.',
    });
  }
  domain.update({ pins: { ...domain.record.pins, [vcpu]: [...cpus] } });
}

/** Writes the guest's present memory to a file, frame by frame. @throws SystemError `E_SYSTEM_DUMP` */
export async function dumpMemory(domain: LockedDomain, path: string): Promise<void> {
  requireBuilt(domain.record);
  catchUp(domain);
  try {
    await copyFile(join(domain.folder, 'memory'), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw new SystemError('E_SYSTEM_DUMP', `cannot write ${path}`, {
      cause,
      hint: 'Name a new file on a disk with enough space.',
    });
  }
}
