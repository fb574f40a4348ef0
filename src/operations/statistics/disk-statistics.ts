import { join } from 'node:path';
import type { Disk } from '../../domain/definition/devices/disk.js';
import { readDefinition } from '../../domain/definition/read.js';
import { vdevNumber } from '../../domain/vdev.js';
import { RefusedError, SystemError } from '../../errors/errors.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';
import { readKernelFile } from './kernel-file.js';
import { runningGuest } from './running-guest.js';

/** Requests of a guest to a disk since it was attached. */
export interface DiskStatistics {
  readonly readRequests: bigint;
  readonly readBytes: bigint;
  readonly writeRequests: bigint;
  readonly writeBytes: bigint;
  readonly flushRequests: bigint;
  /** Requests that arrived when blkback had no memory for them. */
  readonly errors: bigint;
}

/**
 * The unit of blkback's counters, whatever the disk's own sector size: the unit of its ring's segments (Xen's
 * io/blkif.h).
 */
const SECTOR_BYTES = 512n;
const NONE: DiskStatistics = {
  readRequests: 0n,
  readBytes: 0n,
  writeRequests: 0n,
  writeBytes: 0n,
  flushRequests: 0n,
  errors: 0n,
};

/**
 * The figures of one disk of a running domain, by its name in the guest or its source; without one, of all together
 * (S20). They come from the kernel's blkback, which serves the disks of driver `phy`.
 * @throws as `runningGuest`; RefusedError `E_REFUSED_NO_DISK`, `E_REFUSED_UNSUPPORTED`; SystemError `E_SYSTEM_COUNTERS`
 */
export async function diskStatistics(
  host: Host,
  ref: string,
  device: string | undefined,
  signal: AbortSignal,
): Promise<DiskStatistics> {
  const { info, config } = await runningGuest(host, ref, signal);
  const { domid, name } = info;
  const { definition } = readDefinition(config.domain, { lenient: true });
  const disks = definition.devices.filter((one) => one.kind === 'disk');
  const chosen = device === undefined ? disks : disks.filter((disk) => isNamed(disk, device));
  if (device !== undefined && chosen.length === 0) {
    const names = disks.map(({ target }) => target);
    throw new RefusedError('E_REFUSED_NO_DISK', `invalid path: domain ${name} has no disk ${device}`, {
      hint: names.length === 0 ? 'It has no disks.' : `It has ${names.join(', ')}.`,
      data: { device, disks: names },
    });
  }
  // All disks are checked before any is counted: a sum covers all of them or none.
  const numbers = chosen.map((disk) => numberOf(disk));
  let sum = NONE;
  for (const [index, number] of numbers.entries()) {
    sum = added(sum, await countersOf(host.toolstack.kernelFiles, domid, number, chosen[index].target));
  }
  return sum;
}

function isNamed({ target, source }: Disk, device: string): boolean {
  if (target === device) return true;
  return (source.type === 'file' || source.type === 'block') && source.path === device;
}

/** The disk's number, if blkback counts it. */
function numberOf({ target, driver, backendDomain }: Disk): number {
  const refuse = (what: string): RefusedError =>
    new RefusedError('E_REFUSED_UNSUPPORTED', `disk ${target}: ${what}`, {
      hint: 'Only disks of driver phy that this host serves have counters: name one of those.',
      data: { disk: target },
    });
  if (driver !== 'phy') throw refuse(`unsupported disk driver ${driver ?? 'qemu'}`);
  if (backendDomain !== undefined) throw refuse(`domain ${backendDomain} serves it and counts there`);
  const number = vdevNumber(target);
  if (number === undefined) throw refuse('its name has no device number');
  return number;
}

async function countersOf(root: string, domid: Domid, number: number, target: string): Promise<DiskStatistics> {
  const folder = join(root, 'sys/bus/xen-backend/devices', `vbd-${domid}-${number}`, 'statistics');
  const counter = async (name: string): Promise<bigint> => {
    const path = join(folder, name);
    const text = await readKernelFile(path);
    if (text === undefined) {
      throw new SystemError('E_SYSTEM_COUNTERS', `disk ${target}: cannot open bus path ${path}`, {
        hint: 'The domain may have ended just now; if not, check that xen-blkback is loaded here. A simulated host has no counters.',
        data: { path },
      });
    }
    // Such as "-1": some kernels print counters as signed.
    if (!/^\d{1,20}\s*$/.test(text)) {
      throw new SystemError('E_SYSTEM_COUNTERS', `disk ${target}: ${path} does not contain a number`, {
        data: { path },
      });
    }
    return BigInt(text.trim());
  };
  return {
    readRequests: await counter('rd_req'),
    readBytes: (await counter('rd_sect')) * SECTOR_BYTES,
    writeRequests: await counter('wr_req'),
    writeBytes: (await counter('wr_sect')) * SECTOR_BYTES,
    flushRequests: await counter('f_req'),
    errors: await counter('oo_req'),
  };
}

function added(one: DiskStatistics, other: DiskStatistics): DiskStatistics {
  return {
    readRequests: one.readRequests + other.readRequests,
    readBytes: one.readBytes + other.readBytes,
    writeRequests: one.writeRequests + other.writeRequests,
    writeBytes: one.writeBytes + other.writeBytes,
    flushRequests: one.flushRequests + other.flushRequests,
    errors: one.errors + other.errors,
  };
}
