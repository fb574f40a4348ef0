import type { Domain } from '../../../domain/model.js';
import { encodeDomainHeader, encodeImageHeader, encodeLibxlHeader, encodeRecord } from '../../../savestream/encode.js';
import { LibxcRecord, LibxlRecord, PAGE_BYTES } from '../../../savestream/layout.js';
import { FramePlan } from '../memory/frame-plan.js';
import type { GuestShape } from '../memory/guest-kernel.js';
import { hvmContext, hvmParams } from './hvm-state.js';
import type { Platform } from './platform-file.js';

/* The state of an embedded guest in addition to its memory, as records in the form of the specifications. */

/** The Xen version in our streams: that of the lab. */
const XEN = { xenMajor: 4, xenMinor: 17 } as const;
const TSC_KHZ = 2_200_000;
/** Versions of a page table frame list cover this many frames each: 8-byte entries in a page. */
const FRAMES_PER_P2M_PAGE = PAGE_BYTES / 8;
/** struct vcpu_guest_context of a 64-bit guest (xen/include/public/arch-x86/xen.h). */
const VCPU_CONTEXT_BYTES = 5168;
/** struct xen_domctl_ext_vcpucontext (xen/include/public/domctl.h). */
const VCPU_EXTENDED_BYTES = 128;
/** EMULATOR_QEMU_UPSTREAM (libxl-migration-stream, "Emulator Records"). */
const EMULATOR_QEMU_UPSTREAM = 2;

/** The platform of a new guest. */
export function makePlatform(domain: Domain, shape: GuestShape): Platform {
  const isPv = shape.type === 'pv';
  const head = [
    encodeLibxlHeader(),
    encodeRecord(LibxlRecord.LIBXC_CONTEXT),
    encodeImageHeader({ version: 3 }),
    encodeDomainHeader({ type: isPv ? 'x86-pv' : 'x86-hvm', ...XEN }),
    ...(isPv ? [encodeRecord(LibxcRecord.X86_PV_INFO, Buffer.of(8, 4, 0, 0, 0, 0, 0, 0))] : []),
    encodeRecord(LibxcRecord.X86_CPUID_POLICY, cpuidPolicy()),
    encodeRecord(LibxcRecord.X86_MSR_POLICY, msrPolicy()),
    encodeRecord(LibxcRecord.STATIC_DATA_END),
    ...(isPv ? [encodeRecord(LibxcRecord.X86_PV_P2M_FRAMES, p2mFrames(shape))] : []),
  ];
  const tail = [
    encodeRecord(LibxcRecord.X86_TSC_INFO, tscInfo()),
    ...(isPv ? pvTail(domain.vcpusCurrent) : hvmTail(domain.vcpusCurrent, shape)),
    encodeRecord(LibxcRecord.END),
    ...(shape.type === 'hvm' ? [encodeRecord(LibxlRecord.EMULATOR_CONTEXT, emulatorContext(shape))] : []),
    encodeRecord(LibxlRecord.END),
  ];
  return { head: Buffer.concat(head), tail: Buffer.concat(tail) };
}

function hvmTail(vcpus: number, shape: GuestShape): Uint8Array[] {
  return [
    encodeRecord(LibxcRecord.HVM_PARAMS, hvmParams(shape.populatedPages)),
    encodeRecord(LibxcRecord.HVM_CONTEXT, hvmContext(vcpus)),
  ];
}

function pvTail(vcpus: number): Uint8Array[] {
  const records = [encodeRecord(LibxcRecord.SHARED_INFO, Buffer.alloc(PAGE_BYTES))];
  for (let vcpu = 0; vcpu < vcpus; vcpu += 1) {
    records.push(
      encodeRecord(LibxcRecord.X86_PV_VCPU_BASIC, vcpuRecord(vcpu, VCPU_CONTEXT_BYTES)),
      encodeRecord(LibxcRecord.X86_PV_VCPU_EXTENDED, vcpuRecord(vcpu, VCPU_EXTENDED_BYTES)),
    );
  }
  return records;
}

/** vcpu_id, reserved, context. */
function vcpuRecord(vcpu: number, contextBytes: number): Buffer {
  const body = Buffer.alloc(8 + contextBytes);
  body.writeUInt32LE(vcpu, 0);
  return body;
}

/** Leaves 0 and 1 as xen_cpuid_leaf_t: leaf, subleaf (~0: none), eax, ebx, ecx, edx. */
function cpuidPolicy(): Buffer {
  const leaves = [
    [0, 0xffffffff, 1, 0x756e6547, 0x6c65746e, 0x49656e69],
    [1, 0xffffffff, 0x000306a9, 0, 0x80202001, 0x178bfbff],
  ];
  return words(leaves.flat());
}

/** MSR_ARCH_PLATFORM_INFO as xen_msr_entry_t: index, flags, value. */
function msrPolicy(): Buffer {
  return words([0xce, 0, 0x80000000, 0]);
}

/** mode (emulate never), kHz, nsec, incarnation, reserved. */
function tscInfo(): Buffer {
  return words([0, TSC_KHZ, 0, 0, 1, 0]);
}

/** First and last frame, and a frame for each page of the guest's frame list. */
function p2mFrames(shape: GuestShape): Buffer {
  const { dataStart } = new FramePlan(shape);
  const count = Math.ceil(shape.pages / FRAMES_PER_P2M_PAGE);
  const body = Buffer.alloc(8 + 8 * count);
  body.writeUInt32LE(0, 0);
  body.writeUInt32LE(shape.pages - 1, 4);
  for (let index = 0; index < count; index += 1) body.writeBigUInt64LE(BigInt(dataStart + index), 8 + 8 * index);
  return body;
}

/** Emulator id and index, then a state of about the size that QEMU's has. */
function emulatorContext(shape: GuestShape): Buffer {
  const state = Buffer.alloc(6144);
  state.write('QEVM', 0, 'latin1');
  state.writeUInt32BE(3, 4);
  state.writeUInt32LE(shape.seed, 8);
  return Buffer.concat([words([EMULATOR_QEMU_UPSTREAM, 0]), state]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}
