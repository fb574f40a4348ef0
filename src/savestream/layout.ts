/*
 * Names and numbers of the save stream, in the order of Xen's specifications:
 * docs/specs/libxl-migration-stream.pandoc (v2) and docs/specs/libxc-migration-stream.pandoc (v2, v3).
 */

/** libxl stream header: ident, version, options; 16 bytes, big-endian. "Stream Header". */
export const LIBXL_HEADER_BYTES = 16;
/** "LibxlFmt" in ASCII. */
export const LIBXL_IDENT = 0x4c69_6278_6c46_6d74n;
export const LIBXL_VERSION = 2;
export const LIBXL_OPT_BIG_ENDIAN = 1 << 0;
/** The stream was converted from a legacy one. */
export const LIBXL_OPT_LEGACY = 1 << 1;

/** libxc image header: marker, id, version, options, reserved; 24 bytes, big-endian. "Image Header". */
export const IMAGE_HEADER_BYTES = 24;
export const IMAGE_MARKER = 0xffff_ffff_ffff_ffffn;
/** "XENF" in ASCII. */
export const IMAGE_IDENT = 0x5845_4e46;
export const IMAGE_VERSIONS: readonly number[] = [2, 3];
export const IMAGE_OPT_BIG_ENDIAN = 1 << 0;

/** libxc domain header: type, page shift, reserved, Xen's major and minor; 16 bytes. "Domain Header". */
export const DOMAIN_HEADER_BYTES = 16;
export const DOMAIN_TYPES = { 'x86-pv': 1, 'x86-hvm': 2 } as const;
export type StreamDomainType = keyof typeof DOMAIN_TYPES;
export const PAGE_SHIFT = 12;
export const PAGE_BYTES = 1 << PAGE_SHIFT;

/** Record header: type, body length; 8 bytes. Bodies are padded with zeroes to a multiple of 8. "Records". */
export const RECORD_HEADER_BYTES = 8;
/** Records with this bit are skipped by readers that do not know them. */
export const REC_TYPE_OPTIONAL = 0x8000_0000;

export type Layer = 'libxl' | 'libxc';

/** libxl records. */
export const LibxlRecord = {
  END: 0x00,
  LIBXC_CONTEXT: 0x01,
  EMULATOR_XENSTORE_DATA: 0x02,
  EMULATOR_CONTEXT: 0x03,
  CHECKPOINT_END: 0x04,
  CHECKPOINT_STATE: 0x05,
} as const;

/** Emulator id and index, before the body of both emulator records. "Emulator Records". */
export const EMULATOR_HEADER_BYTES = 8;
/** Unknown, QEMU traditional, QEMU upstream. */
export const MAX_EMULATOR_ID = 2;

/** libxc records. */
export const LibxcRecord = {
  END: 0x00,
  PAGE_DATA: 0x01,
  X86_PV_INFO: 0x02,
  X86_PV_P2M_FRAMES: 0x03,
  X86_PV_VCPU_BASIC: 0x04,
  X86_PV_VCPU_EXTENDED: 0x05,
  X86_PV_VCPU_XSAVE: 0x06,
  SHARED_INFO: 0x07,
  X86_TSC_INFO: 0x08,
  HVM_CONTEXT: 0x09,
  HVM_PARAMS: 0x0a,
  TOOLSTACK: 0x0b,
  X86_PV_VCPU_MSRS: 0x0c,
  VERIFY: 0x0d,
  CHECKPOINT: 0x0e,
  CHECKPOINT_DIRTY_PFN_LIST: 0x0f,
  STATIC_DATA_END: 0x10,
  X86_CPUID_POLICY: 0x11,
  X86_MSR_POLICY: 0x12,
} as const;

const NAMES: Readonly<Record<Layer, ReadonlyMap<number, string>>> = {
  libxl: new Map(Object.entries(LibxlRecord).map(([name, type]) => [type, name])),
  libxc: new Map(Object.entries(LibxcRecord).map(([name, type]) => [type, name])),
};

/** The specification's name of a record type; undefined where it has none. */
export function recordName(layer: Layer, type: number): string | undefined {
  return NAMES[layer].get(type);
}

/** Page types of PAGE_DATA: bits 63 to 60 of an entry (XEN_DOMCTL_PFINFO_*, public/domctl.h). */
export const PageType = {
  NOTAB: 0x0,
  L1TAB: 0x1,
  L2TAB: 0x2,
  L3TAB: 0x3,
  L4TAB: 0x4,
  L1TAB_PIN: 0x9,
  L2TAB_PIN: 0xa,
  L3TAB_PIN: 0xb,
  L4TAB_PIN: 0xc,
  BROKEN: 0xd,
  XALLOC: 0xe,
  XTAB: 0xf,
} as const;

/** Whether a page of this type has content in the record. */
export function hasPageData(type: number): boolean {
  return type < PageType.BROKEN;
}

/** Whether the specification defines a page type of this number. */
export function isPageType(type: number): boolean {
  return type <= PageType.L4TAB || (type >= PageType.L1TAB_PIN && type <= PageType.XTAB);
}

/** Before the entries of PAGE_DATA: count, reserved. */
export const PAGE_DATA_COUNT_BYTES = 8;
/** Type and frame number. */
export const PAGE_ENTRY_BYTES = 8;

/** Most entries that libxc puts into one PAGE_DATA record (MAX_BATCH_SIZE, tools/libs/guest/xg_sr_common.h). */
export const MAX_PAGE_ENTRIES = 1024;
/** Largest body of a libxc record (REC_LENGTH_MAX, same file). */
export const MAX_LIBXC_BODY_BYTES = 128 * 1024 * 1024;
/** libxl has no limit of its own; a device model's state is a few MiB, a large framebuffer included. */
export const MAX_LIBXL_BODY_BYTES = 1024 * 1024 * 1024;

/** Bytes that a body of this length takes in the stream: rounded up to a multiple of 8. */
export function paddedLength(length: number): number {
  return Math.ceil(length / 8) * 8;
}
