import {
  EMULATOR_HEADER_BYTES,
  LibxcRecord,
  LibxlRecord,
  MAX_EMULATOR_ID,
  PAGE_BYTES,
  PAGE_DATA_COUNT_BYTES,
  PAGE_ENTRY_BYTES,
  type Layer,
} from './layout.js';
import { streamError, type Position } from './position.js';

/*
 * What the specifications, and Xen's own verifier, require of each record in addition to its place in the stream and
 * the contents of PAGE_DATA and EMULATOR_XENSTORE_DATA, which have files of their own.
 * `check` receives the whole body of small records, and the first HEAD_BYTES of any other.
 */

/** Enough for every fixed part that is checked. */
export const HEAD_BYTES = 32;

/** Values of one record that later ones are checked against. */
export interface ImageFacts {
  /** Octets of a guest's word, from X86_PV_INFO; RecordOrder ensures that this record comes first. */
  guestWidth: number;
}

interface Rule {
  /** Body lengths that are allowed. */
  readonly length?: { readonly min?: number; readonly exact?: number; readonly multipleOf?: number };
  readonly check?: (head: DataView, length: number, littleEndian: boolean, facts: ImageFacts) => string | undefined;
}

const vcpuContext: Rule = {
  length: { min: 8 },
  check: (head, _length, le) => (head.getUint32(4, le) === 0 ? undefined : 'reserved field is not zero'),
};

const emulator: Rule = {
  length: { min: EMULATOR_HEADER_BYTES },
  check: (head, _length, le) => {
    const id = head.getUint32(0, le);
    return id <= MAX_EMULATOR_ID ? undefined : `emulator id 0x${id.toString(16)} is not known`;
  },
};

const LIBXC_RULES: Readonly<Record<number, Rule>> = {
  [LibxcRecord.END]: { length: { exact: 0 } },
  [LibxcRecord.PAGE_DATA]: { length: { min: PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES } },
  [LibxcRecord.X86_PV_INFO]: {
    length: { exact: 8 },
    check: (head, _length, le, facts) => {
      const width = head.getUint8(0);
      const levels = head.getUint8(1);
      if (width !== 4 && width !== 8) return `guest width ${width} is neither 4 nor 8`;
      if (levels !== 3 && levels !== 4) return `${levels} page table levels are neither 3 nor 4`;
      // Xen's restore requires that they match; its verifier does not.
      if ((width === 4) !== (levels === 3)) return `${levels} page table levels do not fit a guest width of ${width}`;
      facts.guestWidth = width;
      return head.getUint16(2, le) === 0 && head.getUint32(4, le) === 0 ? undefined : 'reserved fields are not zero';
    },
  },
  [LibxcRecord.X86_PV_P2M_FRAMES]: {
    length: { min: 8, multipleOf: 8 },
    // Xen's restore requires this; its verifier does not.
    check: (head, length, le, { guestWidth }) => {
      const start = head.getUint32(0, le);
      const end = head.getUint32(4, le);
      if (start > end) return `first pfn 0x${start.toString(16)} is after the last, 0x${end.toString(16)}`;
      const perFrame = PAGE_BYTES / guestWidth;
      const frames = Math.floor(end / perFrame) - Math.floor(start / perFrame) + 1;
      return length === 8 + 8 * frames ? undefined : `length ${length} does not fit ${frames} frames`;
    },
  },
  [LibxcRecord.X86_PV_VCPU_BASIC]: vcpuContext,
  [LibxcRecord.X86_PV_VCPU_EXTENDED]: vcpuContext,
  [LibxcRecord.X86_PV_VCPU_XSAVE]: vcpuContext,
  [LibxcRecord.X86_PV_VCPU_MSRS]: vcpuContext,
  [LibxcRecord.SHARED_INFO]: { length: { exact: 4096 } },
  [LibxcRecord.X86_TSC_INFO]: {
    length: { exact: 24 },
    check: (head, _length, le) => (head.getUint32(20, le) === 0 ? undefined : 'reserved field is not zero'),
  },
  [LibxcRecord.HVM_CONTEXT]: { length: { min: 1 } },
  [LibxcRecord.HVM_PARAMS]: {
    length: { min: 8 },
    check: (head, length, le) => {
      const count = head.getUint32(0, le);
      if (head.getUint32(4, le) !== 0) return 'reserved field is not zero';
      return length === 8 + 16 * count ? undefined : `length ${length} does not fit ${count} parameters`;
    },
  },
  [LibxcRecord.VERIFY]: { length: { exact: 0 } },
  [LibxcRecord.CHECKPOINT]: { length: { exact: 0 } },
  [LibxcRecord.STATIC_DATA_END]: { length: { exact: 0 } },
  [LibxcRecord.X86_CPUID_POLICY]: { length: { min: 24, multipleOf: 24 } },
  [LibxcRecord.X86_MSR_POLICY]: { length: { min: 16, multipleOf: 16 } },
};

const LIBXL_RULES: Readonly<Record<number, Rule>> = {
  [LibxlRecord.END]: { length: { exact: 0 } },
  [LibxlRecord.LIBXC_CONTEXT]: { length: { exact: 0 } },
  [LibxlRecord.EMULATOR_XENSTORE_DATA]: emulator,
  [LibxlRecord.EMULATOR_CONTEXT]: emulator,
  [LibxlRecord.CHECKPOINT_END]: { length: { exact: 0 } },
  [LibxlRecord.CHECKPOINT_STATE]: { length: { min: 1 } },
};

function ruleOf(layer: Layer, type: number): Rule | undefined {
  return (layer === 'libxl' ? LIBXL_RULES : LIBXC_RULES)[type];
}

/** Checks the length of a record's body by the record's type. @throws StreamError `E_STREAM_LENGTH` */
export function checkLength(layer: Layer, type: number, length: number, at: Position): void {
  const rule = ruleOf(layer, type)?.length;
  if (rule === undefined) return;
  const { min, exact, multipleOf } = rule;
  if (exact !== undefined && length !== exact)
    throw streamError('E_STREAM_LENGTH', at, `length ${length}, expected ${exact}`);
  if (min !== undefined && length < min)
    throw streamError('E_STREAM_LENGTH', at, `length ${length} under the minimum ${min}`);
  if (multipleOf !== undefined && length % multipleOf !== 0) {
    throw streamError('E_STREAM_LENGTH', at, `length ${length} is no multiple of ${multipleOf}`);
  }
}

/** Checks the fields at the start of a record's body by the record's type. @throws StreamError `E_STREAM_FIELD` */
export function checkHead(
  layer: Layer,
  type: number,
  head: Uint8Array,
  length: number,
  littleEndian: boolean,
  facts: ImageFacts,
  at: Position,
): void {
  const check = ruleOf(layer, type)?.check;
  if (check === undefined) return;
  const why = check(new DataView(head.buffer, head.byteOffset, head.byteLength), length, littleEndian, facts);
  if (why !== undefined) throw streamError('E_STREAM_FIELD', at, why);
}
