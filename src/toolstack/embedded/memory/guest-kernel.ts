import { crc32 } from 'node:zlib';
import type { GuestType } from '../../../domain/model.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';

/**
 * Page 0 of an embedded guest: the guest's own state. It is guest memory, so it is part of the
 * save stream, and a stale copy of it is detected like that of any other page. Little-endian.
 *
 * | at | size | field |
 * | --- | --- | --- |
 * | 0 | 8 | magic `XFGUEST1` |
 * | 8 | 4 | page frames, ballooned-out ones included |
 * | 12 | 4 | page frames that hold memory |
 * | 16 | 4 | seed |
 * | 20 | 1 | guest type: 1 pv, 2 pvh, 3 hvm |
 * | 21 | 3 | per cent of pages: zero, duplicate, random |
 * | 24 | 4 | ms between ticks |
 * | 28 | 4 | pages written in a tick |
 * | 32 | 4 | pages of the hot set |
 * | 36 | 4 | zero |
 * | 40 | 8 | ticks since boot |
 * | 48 | 8 | two 32-bit sums over the version table (`VersionSums`) |
 * | 4092 | 4 | CRC-32 of all of the above |
 */
const MAGIC = Buffer.from('XFGUEST1', 'latin1');
const CRC_AT = PAGE_BYTES - 4;

/** Frame of the kernel page. */
export const KERNEL_PFN = 0;

const TYPES: readonly GuestType[] = ['pv', 'pvh', 'hvm'];

/** Properties that do not change during the guest's life. */
export interface GuestShape {
  readonly type: GuestType;
  readonly pages: number;
  readonly populatedPages: number;
  readonly seed: number;
  readonly zeroPercent: number;
  readonly duplicatePercent: number;
  readonly randomPercent: number;
  readonly tickMs: number;
  readonly pagesPerTick: number;
  readonly hotPages: number;
}

/** Sums over all (frame, version) pairs, mod 2^32: the sums of a version table that lost a page differ. */
export interface VersionSums {
  readonly a: number;
  readonly b: number;
}

/** The content of the kernel page. */
export interface GuestKernel extends GuestShape {
  readonly ticks: number;
  readonly sums: VersionSums;
}

/** The kernel page, PAGE_BYTES long. */
export function encodeKernel(kernel: GuestKernel): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page);
  page.writeUInt32LE(kernel.pages, 8);
  page.writeUInt32LE(kernel.populatedPages, 12);
  page.writeUInt32LE(kernel.seed, 16);
  page.writeUInt8(TYPES.indexOf(kernel.type) + 1, 20);
  page.writeUInt8(Math.round(kernel.zeroPercent), 21);
  page.writeUInt8(Math.round(kernel.duplicatePercent), 22);
  page.writeUInt8(Math.round(kernel.randomPercent), 23);
  page.writeUInt32LE(kernel.tickMs, 24);
  page.writeUInt32LE(kernel.pagesPerTick, 28);
  page.writeUInt32LE(kernel.hotPages, 32);
  page.writeBigUInt64LE(BigInt(kernel.ticks), 40);
  page.writeUInt32LE(kernel.sums.a, 48);
  page.writeUInt32LE(kernel.sums.b, 52);
  page.writeUInt32LE(crc32(page.subarray(0, CRC_AT)), CRC_AT);
  return page;
}

/** Whether a page 0 is that of an embedded guest; if not, the guest's content is unknown. */
export function isKernel(page: Buffer): boolean {
  return page.subarray(0, MAGIC.length).equals(MAGIC);
}

/** The content of a kernel page; undefined if it was altered: its CRC or a field is invalid. */
export function decodeKernel(page: Buffer): GuestKernel | undefined {
  if (!isKernel(page) || page.readUInt32LE(CRC_AT) !== crc32(page.subarray(0, CRC_AT))) return undefined;
  const typeCode = page.readUInt8(20);
  const type = typeCode === 0 ? undefined : TYPES.at(typeCode - 1);
  const ticks = page.readBigUInt64LE(40);
  if (type === undefined || ticks > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return {
    type,
    pages: page.readUInt32LE(8),
    populatedPages: page.readUInt32LE(12),
    seed: page.readUInt32LE(16),
    zeroPercent: page.readUInt8(21),
    duplicatePercent: page.readUInt8(22),
    randomPercent: page.readUInt8(23),
    tickMs: page.readUInt32LE(24),
    pagesPerTick: page.readUInt32LE(28),
    hotPages: page.readUInt32LE(32),
    ticks: Number(ticks),
    sums: { a: page.readUInt32LE(48), b: page.readUInt32LE(52) },
  };
}
