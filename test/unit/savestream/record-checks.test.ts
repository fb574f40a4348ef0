import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/savestream/encode.js';
import { LibxcRecord, LibxlRecord } from '../../../src/savestream/layout.js';
import { smallHvmParts, smallPvParts } from '../../support/small-stream.js';
import { u32 } from './streams.js';
import { errorOf } from './transcript.js';

const part = (type: number, body: Uint8Array): Buffer => Buffer.from(encodeRecord(type, body));
const INFO = 4;

/** A PV stream with X86_PV_INFO as it is, or as given, and a record in the middle of the image. */
function inPv(type: number, body: Uint8Array): Buffer {
  const parts = smallPvParts();
  if (type === LibxcRecord.X86_PV_INFO) parts[INFO] = part(type, body);
  else parts.splice(8, 0, part(type, body));
  return Buffer.concat(parts);
}

function inHvm(type: number, body: Uint8Array): Buffer {
  const parts = smallHvmParts();
  const isStatic = type === LibxcRecord.X86_CPUID_POLICY || type === LibxcRecord.X86_MSR_POLICY;
  parts.splice(isStatic ? 4 : 9, 0, part(type, body));
  return Buffer.concat(parts);
}

function inLibxl(type: number, body: Uint8Array): Buffer {
  const parts = smallHvmParts();
  parts.splice(-1, 0, part(type, body));
  return Buffer.concat(parts);
}

const text = (value: string): Buffer => Buffer.concat([u32(2, 0), Buffer.from(value)]);

type Case = readonly [what: string, bytes: Buffer, code: string | undefined];
const cases: readonly Case[] = [
  ['X86_PV_INFO of 64 bits', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([8, 4, 0, 0, 0, 0, 0, 0])), undefined],
  ['X86_PV_INFO of 32 bits', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([4, 3, 0, 0, 0, 0, 0, 0])), undefined],
  ['X86_PV_INFO, width 5', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([5, 4, 0, 0, 0, 0, 0, 0])), 'E_STREAM_FIELD'],
  ['X86_PV_INFO, 2 levels', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([8, 2, 0, 0, 0, 0, 0, 0])), 'E_STREAM_FIELD'],
  ['X86_PV_INFO, 64 bits of 3', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([8, 3, 0, 0, 0, 0, 0, 0])), 'E_STREAM_FIELD'],
  ['X86_PV_INFO, reserved', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([8, 4, 0, 0, 0, 0, 1, 0])), 'E_STREAM_FIELD'],
  ['X86_PV_INFO, too long', inPv(LibxcRecord.X86_PV_INFO, Buffer.from([8, 4, 0, 0, 0, 0, 0, 0, 0])), 'E_STREAM_LENGTH'],
  ['p2m frames of two', inPv(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 512, 1, 0, 2, 0)), undefined],
  ['p2m frames, one missing', inPv(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 512, 1, 0)), 'E_STREAM_FIELD'],
  ['p2m frames, backwards', inPv(LibxcRecord.X86_PV_P2M_FRAMES, u32(5, 4, 1, 0)), 'E_STREAM_FIELD'],
  ['p2m frames, all of them', inPv(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 0xffff_ffff, 1, 0)), 'E_STREAM_FIELD'],
  ['p2m frames, odd length', inPv(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 0, 1)), 'E_STREAM_LENGTH'],
  ['a vcpu without context', inPv(LibxcRecord.X86_PV_VCPU_MSRS, u32(1, 0)), undefined],
  ['a vcpu, reserved', inPv(LibxcRecord.X86_PV_VCPU_BASIC, u32(1, 1, 5)), 'E_STREAM_FIELD'],
  ['a vcpu without header', inPv(LibxcRecord.X86_PV_VCPU_XSAVE, u32(1)), 'E_STREAM_LENGTH'],
  ['shared info, half', inPv(LibxcRecord.SHARED_INFO, Buffer.alloc(2048)), 'E_STREAM_LENGTH'],
  ['shared info in an HVM image', inHvm(LibxcRecord.SHARED_INFO, Buffer.alloc(4096)), 'E_STREAM_ORDER'],
  ['TSC, reserved', inHvm(LibxcRecord.X86_TSC_INFO, u32(0, 1, 2, 3, 4, 5)), 'E_STREAM_FIELD'],
  ['TSC, short', inHvm(LibxcRecord.X86_TSC_INFO, u32(0, 1, 2, 3, 4)), 'E_STREAM_LENGTH'],
  ['HVM_CONTEXT, empty', inHvm(LibxcRecord.HVM_CONTEXT, u32()), 'E_STREAM_LENGTH'],
  ['HVM_PARAMS of none', inHvm(LibxcRecord.HVM_PARAMS, u32(0, 0)), undefined],
  ['HVM_PARAMS, one missing', inHvm(LibxcRecord.HVM_PARAMS, u32(2, 0, 1, 0, 2, 0)), 'E_STREAM_FIELD'],
  ['HVM_PARAMS, a count that wraps', inHvm(LibxcRecord.HVM_PARAMS, u32(0x1000_0001, 0, 1, 0, 2, 0)), 'E_STREAM_FIELD'],
  ['HVM_PARAMS, reserved', inHvm(LibxcRecord.HVM_PARAMS, u32(0, 7)), 'E_STREAM_FIELD'],
  ['VERIFY', inHvm(LibxcRecord.VERIFY, u32()), undefined],
  ['VERIFY with a body', inHvm(LibxcRecord.VERIFY, u32(0)), 'E_STREAM_LENGTH'],
  ['CHECKPOINT with a body', inHvm(LibxcRecord.CHECKPOINT, u32(0)), 'E_STREAM_LENGTH'],
  ['TOOLSTACK', inHvm(LibxcRecord.TOOLSTACK, u32(0)), 'E_STREAM_RECORD'],
  ['the list of dirty pfns', inHvm(LibxcRecord.CHECKPOINT_DIRTY_PFN_LIST, u32(0, 0)), 'E_STREAM_RECORD'],
  ['an unknown record', inHvm(0x13, u32(0)), 'E_STREAM_RECORD'],
  ['a second STATIC_DATA_END', inHvm(LibxcRecord.STATIC_DATA_END, u32()), 'E_STREAM_ORDER'],
  ['two CPUID leaves', inHvm(LibxcRecord.X86_CPUID_POLICY, Buffer.alloc(48)), undefined],
  ['no CPUID leaf', inHvm(LibxcRecord.X86_CPUID_POLICY, u32()), 'E_STREAM_LENGTH'],
  ['a CPUID leaf and a bit', inHvm(LibxcRecord.X86_CPUID_POLICY, Buffer.alloc(32)), 'E_STREAM_LENGTH'],
  ['MSRs that do not fit', inHvm(LibxcRecord.X86_MSR_POLICY, Buffer.alloc(24)), 'E_STREAM_LENGTH'],
  ['an unknown libxl record', inLibxl(0x06, u32(0)), 'E_STREAM_RECORD'],
  ['a second LIBXC_CONTEXT', inLibxl(LibxlRecord.LIBXC_CONTEXT, u32()), 'E_STREAM_ORDER'],
  ['CHECKPOINT_END without CHECKPOINT', inLibxl(LibxlRecord.CHECKPOINT_END, u32()), 'E_STREAM_ORDER'],
  ['CHECKPOINT_STATE', inLibxl(LibxlRecord.CHECKPOINT_STATE, u32(0, 0)), undefined],
  ['CHECKPOINT_STATE, empty', inLibxl(LibxlRecord.CHECKPOINT_STATE, u32()), 'E_STREAM_LENGTH'],
  ['an emulator without context', inLibxl(LibxlRecord.EMULATOR_CONTEXT, u32(1, 0)), undefined],
  ['an unknown emulator', inLibxl(LibxlRecord.EMULATOR_CONTEXT, u32(3, 0)), 'E_STREAM_FIELD'],
  ['half an emulator header', inLibxl(LibxlRecord.EMULATOR_CONTEXT, u32(1)), 'E_STREAM_LENGTH'],
  ['xenstore data, none', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('')), undefined],
  ['xenstore data', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('a/b\0one\0c\0\0')), undefined],
  ['xenstore data, no last NUL', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('a/b\0one')), 'E_STREAM_FIELD'],
  ['xenstore data, no value', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('a/b\0one\0c\0')), 'E_STREAM_FIELD'],
  ['xenstore data, empty key', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('\0one\0')), 'E_STREAM_FIELD'],
  ['xenstore data, absolute key', inLibxl(LibxlRecord.EMULATOR_XENSTORE_DATA, text('a\0b\0/c\0d\0')), 'E_STREAM_FIELD'],
];

describe('what is asked of each record', () => {
  it.each(cases)('%s', (_what, bytes, code) => {
    expect(errorOf(bytes)?.code).toBe(code);
    expect(errorOf(bytes, 1)?.code).toBe(code);
  });

  it('counts the p2m frames of a 32-bit guest by its own width', () => {
    const parts = smallPvParts();
    parts[INFO] = part(LibxcRecord.X86_PV_INFO, Buffer.from([4, 3, 0, 0, 0, 0, 0, 0]));
    parts.splice(8, 0, part(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 1023, 1, 0)));
    expect(errorOf(Buffer.concat(parts))).toBeUndefined();
    parts.splice(8, 0, part(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 1024, 1, 0)));
    expect(errorOf(Buffer.concat(parts))?.message).toMatch(/record \d+ X86_PV_P2M_FRAMES: .* does not fit 2 frames$/);
  });

  it('asks for X86_PV_INFO before all that depends on it, and only once', () => {
    const parts = smallPvParts();
    const without = [...parts.slice(0, INFO), parts[5], parts.find((one) => one.length === 8 + 4096)!];
    expect(errorOf(Buffer.concat(without))?.message).toContain('SHARED_INFO: comes before X86_PV_INFO');
    const twice = [...parts.slice(0, 5), ...parts.slice(INFO)];
    expect(errorOf(Buffer.concat(twice))?.message).toContain('X86_PV_INFO: comes twice');
  });

  it('says where: offset, record number and name, in the message and as data', () => {
    const bytes = inHvm(LibxcRecord.X86_TSC_INFO, u32(0, 1, 2, 3, 4, 5));
    const offset = bytes.indexOf(part(LibxcRecord.X86_TSC_INFO, u32(0, 1, 2, 3, 4, 5)));
    const error = errorOf(bytes);
    expect(error?.message).toBe(`offset 0x${offset.toString(16)}, record 6 X86_TSC_INFO: reserved field is not zero`);
    expect(error?.data).toEqual({ offset, what: 'record 6 X86_TSC_INFO', record: 6 });
    expect(error?.hint).toMatch(/\.$/);
  });
});
