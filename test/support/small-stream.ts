import {
  encodeDomainHeader,
  encodeImageHeader,
  encodeLibxlHeader,
  encodePageDataHeader,
  encodeRecord,
  type PageEntry,
} from '../../src/savestream/encode.js';
import { hasPageData, LibxcRecord, LibxlRecord, PAGE_BYTES, PageType } from '../../src/savestream/layout.js';

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
};

export function pageData(entries: readonly PageEntry[], fill: (pfn: number) => number): Buffer {
  return Buffer.concat([
    encodePageDataHeader(entries),
    ...entries.filter(({ type }) => hasPageData(type)).map(({ pfn }) => Buffer.alloc(PAGE_BYTES, fill(pfn))),
  ]);
}

const END = encodeRecord(LibxcRecord.END);
const TSC = encodeRecord(LibxcRecord.X86_TSC_INFO, u32(0, 2_000_000, 5, 0, 1, 0));

/** A whole HVM stream, a part an element: small, and with most kinds of records. */
export function smallHvmParts(version: 2 | 3 = 3): Buffer[] {
  const staticData =
    version === 3
      ? [
          encodeRecord(LibxcRecord.X86_CPUID_POLICY, u32(1, 0, 0, 0, 0, 0)),
          encodeRecord(LibxcRecord.X86_MSR_POLICY, u32(1, 2, 3, 4)),
          encodeRecord(LibxcRecord.STATIC_DATA_END),
        ]
      : [];
  return [
    encodeLibxlHeader(),
    encodeRecord(LibxlRecord.LIBXC_CONTEXT),
    encodeImageHeader({ version }),
    encodeDomainHeader({ type: 'x86-hvm', xenMajor: 4, xenMinor: 17 }),
    ...staticData,
    pageData(
      [
        { pfn: 0, type: PageType.NOTAB },
        { pfn: 1, type: PageType.XTAB },
        { pfn: 2, type: PageType.NOTAB },
      ],
      (pfn) => pfn,
    ),
    pageData([{ pfn: 2, type: PageType.NOTAB }], () => 2),
    TSC,
    encodeRecord(LibxcRecord.HVM_PARAMS, u32(1, 0, 1, 0, 2, 0)),
    encodeRecord(LibxcRecord.HVM_CONTEXT, Buffer.alloc(13, 7)),
    END,
    encodeRecord(LibxlRecord.EMULATOR_CONTEXT, Buffer.concat([u32(2, 0), Buffer.alloc(45, 9)])),
    encodeRecord(LibxlRecord.END),
  ].map((part) => Buffer.from(part));
}

/** A whole PV stream. */
export function smallPvParts(): Buffer[] {
  return [
    encodeLibxlHeader(),
    encodeRecord(LibxlRecord.LIBXC_CONTEXT),
    encodeImageHeader({ version: 3 }),
    encodeDomainHeader({ type: 'x86-pv', xenMajor: 4, xenMinor: 17 }),
    encodeRecord(LibxcRecord.X86_PV_INFO, Buffer.from([8, 4, 0, 0, 0, 0, 0, 0])),
    encodeRecord(LibxcRecord.STATIC_DATA_END),
    encodeRecord(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 0, 3, 0)),
    pageData(
      [
        { pfn: 3, type: PageType.L1TAB },
        { pfn: 4, type: PageType.L4TAB_PIN },
      ],
      (pfn) => pfn,
    ),
    TSC,
    encodeRecord(LibxcRecord.SHARED_INFO, Buffer.alloc(4096, 1)),
    encodeRecord(LibxcRecord.X86_PV_VCPU_BASIC, u32(0, 0, 5, 6)),
    encodeRecord(LibxcRecord.X86_PV_VCPU_EXTENDED, u32(0, 0, 5)),
    encodeRecord(LibxcRecord.X86_PV_VCPU_XSAVE, u32(0, 0, 5)),
    encodeRecord(LibxcRecord.X86_PV_VCPU_MSRS, u32(0, 0, 5)),
    END,
    encodeRecord(LibxlRecord.END),
  ].map((part) => Buffer.from(part));
}
