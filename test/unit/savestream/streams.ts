import fc from 'fast-check';
import {
  encodeDomainHeader,
  encodeImageHeader,
  encodeLibxlHeader,
  encodeRecord,
  type PageEntry,
} from '../../../src/savestream/encode.js';
import { LibxcRecord, LibxlRecord, PageType, REC_TYPE_OPTIONAL } from '../../../src/savestream/layout.js';
import { pageData } from '../../support/small-stream.js';

/** 32-bit fields of a body, in order. */
export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}

const record = (type: number, body?: Uint8Array): Buffer => Buffer.from(encodeRecord(type, body));

const optional: fc.Arbitrary<Buffer> = fc
  .tuple(fc.integer({ min: REC_TYPE_OPTIONAL, max: 0xffff_ffff }), fc.uint8Array({ maxLength: 90 }))
  .map(([type, body]) => record(type, body));

const entry: fc.Arbitrary<PageEntry> = fc.record({
  pfn: fc.integer({ min: 0, max: 2 ** 52 - 1 }),
  type: fc.constantFrom(...Object.values(PageType)),
});
const batch = fc
  .tuple(fc.array(entry, { minLength: 1, maxLength: 4 }), fc.nat(255))
  .map(([entries, fill]) => pageData(entries, () => fill));
const batches = fc.array(batch, { maxLength: 4 });

const emulator = fc.oneof(
  fc
    .tuple(fc.nat(2), fc.uint8Array({ maxLength: 60 }))
    .map(([id, body]) => record(LibxlRecord.EMULATOR_CONTEXT, Buffer.concat([u32(id, 0), body]))),
  fc
    .array(fc.tuple(fc.stringMatching(/^[a-z0-9_@-][a-z0-9/_@-]{0,8}$/), fc.stringMatching(/^[ -~]{0,12}$/)), {
      maxLength: 3,
    })
    .map((pairs) =>
      record(
        LibxlRecord.EMULATOR_XENSTORE_DATA,
        Buffer.concat([u32(2, 0), ...pairs.map(([key, value]) => Buffer.from(`${key}\0${value}\0`))]),
      ),
    ),
);

const policies = (version: number): Buffer[] =>
  version < 3
    ? []
    : [
        record(LibxcRecord.X86_CPUID_POLICY, Buffer.alloc(48, 1)),
        record(LibxcRecord.X86_MSR_POLICY, Buffer.alloc(32, 2)),
        record(LibxcRecord.STATIC_DATA_END),
      ];

const tsc = record(LibxcRecord.X86_TSC_INFO, u32(0, 2_000_000, 5, 0, 1, 0));

interface Plan {
  readonly version: 2 | 3;
  readonly pv: boolean;
  readonly xenMinor: number;
  readonly rounds: Buffer[];
  readonly again: Buffer[] | undefined;
  readonly extra: Buffer[];
  readonly context: Uint8Array;
  readonly emulators: Buffer[];
  readonly verify: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  version: fc.constantFrom(2, 3),
  pv: fc.boolean(),
  xenMinor: fc.nat(20),
  rounds: batches,
  again: fc.option(batches, { nil: undefined }),
  extra: fc.array(optional, { maxLength: 2 }),
  context: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  emulators: fc.array(emulator, { maxLength: 2 }),
  verify: fc.boolean(),
});

function pvParts({ version, rounds, context }: Plan): Buffer[] {
  return [
    record(LibxcRecord.X86_PV_INFO, Buffer.from([8, 4, 0, 0, 0, 0, 0, 0])),
    ...policies(version),
    record(LibxcRecord.X86_PV_P2M_FRAMES, u32(0, 600, 3, 0, 4, 0)),
    ...rounds,
    tsc,
    record(LibxcRecord.SHARED_INFO, Buffer.alloc(4096, 1)),
    record(LibxcRecord.X86_PV_VCPU_BASIC, Buffer.concat([u32(0, 0), context])),
    record(LibxcRecord.X86_PV_VCPU_XSAVE, Buffer.concat([u32(1, 0), context])),
  ];
}

function hvmParts({ version, rounds, context }: Plan): Buffer[] {
  return [
    ...policies(version),
    ...rounds,
    tsc,
    record(LibxcRecord.HVM_PARAMS, u32(1, 0, 1, 0, 2, 0)),
    record(LibxcRecord.HVM_CONTEXT, context),
  ];
}

function assemble(chosen: Plan): Buffer[] {
  const { version, pv, xenMinor, again, extra, emulators, verify, rounds } = chosen;
  const checkpoint =
    again === undefined
      ? []
      : [record(LibxcRecord.CHECKPOINT), ...emulators, record(LibxlRecord.CHECKPOINT_END), ...again];
  return [
    Buffer.from(encodeLibxlHeader()),
    record(LibxlRecord.LIBXC_CONTEXT),
    Buffer.from(encodeImageHeader({ version })),
    Buffer.from(encodeDomainHeader({ type: pv ? 'x86-pv' : 'x86-hvm', xenMajor: 4, xenMinor })),
    ...(pv ? pvParts(chosen) : hvmParts(chosen)),
    ...(verify ? [record(LibxcRecord.VERIFY), ...rounds] : []),
    ...extra,
    ...checkpoint,
    record(LibxcRecord.END),
    ...extra,
    ...emulators,
    record(LibxlRecord.END),
  ];
}

/** Good streams of every kind, a header or record an element. */
export const goodStream: fc.Arbitrary<Buffer[]> = plan.map(assemble);

/** Good streams that Xen 4.17's verifier takes too: see verdicts.test.ts for what it does not. */
export const plainStream: fc.Arbitrary<Buffer[]> = plan.map((chosen) =>
  assemble({ ...chosen, again: undefined, extra: [], emulators: [] }),
);
