import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/savestream/encode.js';
import { LibxcRecord, LibxlRecord, PageType } from '../../../src/savestream/layout.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { pageData, smallHvmParts, smallPvParts } from '../../support/small-stream.js';
import { xenVerify, xenVerifyAvailable } from '../../support/xen-verify.js';
import { plainStream, u32 } from './streams.js';
import { errorOf, recordsOf } from './transcript.js';

/** Each verdict of Xen's is a process of its own: enough of them to matter, few enough to wait for. */
const SAMPLES = 25;
const MUTANTS = 80;
/** A verdict must not change from run to run. */
const SEED = 417;

describe.skipIf(!xenVerifyAvailable)("Xen's own verify-stream-v2", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-verify-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const xenSays = (bytes: Uint8Array): boolean => {
    const file = join(dir, 'stream');
    writeFileSync(file, bytes);
    return xenVerify(file).ok;
  };

  it.each(FIXTURES)('agrees that %s is good', (name) => {
    const bytes = fixtureStream(name);
    expect([xenSays(bytes), errorOf(bytes)]).toEqual([true, undefined]);
  });

  it('agrees that what the writer writes is good', () => {
    for (const parts of [
      smallHvmParts(3),
      smallHvmParts(2),
      smallPvParts(),
      ...fc.sample(plainStream, { numRuns: SAMPLES, seed: SEED }),
    ]) {
      const bytes = Buffer.concat(parts);
      expect(xenSays(bytes), bytes.toString('hex', 0, 300)).toBe(true);
      expect(errorOf(bytes)).toBeUndefined();
    }
  });

  it('agrees that a cut stream is not', () => {
    const bytes = Buffer.concat(smallHvmParts());
    for (const cut of [0, 10, 20, 50, 70, 100, 5000, bytes.length - 8, bytes.length - 1]) {
      expect(xenSays(bytes.subarray(0, cut)), `cut at ${cut}`).toBe(false);
      expect(errorOf(bytes.subarray(0, cut))?.code).toBe('E_STREAM_TRUNCATED');
    }
  });

  /** What Xen's verifier leaves to its restore, or to the reader: the only reasons for which we alone may refuse. */
  const STRICTER =
    /comes before|comes twice|not valid in|comes outside|bytes follow the END|do not fit a guest width|does not fit \d+ frames|first pfn .* behind|over the limit|xenstore|reserved options 0x[1-9a-f][0-9a-f]*0000 /;
  /** The only thing that Xen's verifier refuses and the specification does not, and that a mutation makes. */
  const isLaxer = (bytes: Uint8Array): boolean => recordsOf(bytes).some(({ type }) => type >= 0x8000_0000);

  it('gives the same verdict on damaged streams, but for what is listed here', () => {
    const change = fc.tuple(fc.nat(), fc.nat(11), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x80, 0xff)));
    const seen = { bothGood: 0, bothBad: 0, stricter: 0, laxer: 0 };
    for (const [parts, changes] of fc.sample(fc.tuple(plainStream, fc.array(change, { minLength: 1, maxLength: 2 })), {
      numRuns: MUTANTS,
      seed: SEED,
    })) {
      const bytes = Buffer.concat(parts);
      for (const [pick, field, value] of changes) {
        const at = parts.slice(0, pick % parts.length).reduce((sum, part) => sum + part.length, 0);
        if (at + field < bytes.length) bytes[at + field] = value;
      }
      const [ours, theirs] = [errorOf(bytes), xenSays(bytes)];
      if (theirs && ours !== undefined) expect(ours.message).toMatch(STRICTER);
      if (!theirs && ours === undefined) expect(isLaxer(bytes), bytes.toString('hex', 0, 300)).toBe(true);
      seen[theirs ? (ours === undefined ? 'bothGood' : 'stricter') : ours === undefined ? 'laxer' : 'bothBad'] += 1;
    }
    expect(seen.bothBad).toBeGreaterThan(MUTANTS / 10);
    expect(seen.bothGood + seen.stricter).toBeGreaterThan(0);
  }, 120_000);

  const hvm = smallHvmParts();
  const pv = smallPvParts();
  const put = (parts: readonly Buffer[], at: number, remove: number, ...add: Uint8Array[]): Buffer => {
    const copy: Uint8Array[] = [...parts];
    copy.splice(at, remove, ...add);
    return Buffer.concat(copy);
  };
  const manyEntries = (): Buffer => {
    // The encoder refuses to write it: a record of 1025 pages without content, by hand.
    const entries = Buffer.alloc(8 * 1025);
    for (let index = 0; index < 1025; index += 1) entries[8 * index + 7] = PageType.XTAB << 4;
    return Buffer.from(encodeRecord(LibxcRecord.PAGE_DATA, Buffer.concat([u32(1025, 0), entries])));
  };
  const options = Buffer.from(hvm[0]);
  options[13] = 1;

  it.each([
    ['an END without its image', Buffer.concat([hvm[0], encodeRecord(LibxlRecord.END)])],
    ['an image of version 3 without STATIC_DATA_END', put(hvm, 6, 1)],
    ['two STATIC_DATA_END', put(hvm, 6, 0, hvm[6])],
    ['PV records in an HVM image', put(hvm, 7, 0, pv[4])],
    ['a PV image without X86_PV_INFO', put(pv, 4, 1)],
    ['a PV guest of 64 bits with 3 levels', put(pv, 4, 1, encodeRecord(2, Buffer.from([8, 3, 0, 0, 0, 0, 0, 0])))],
    ['p2m frames that are not all there', put(pv, 6, 1, encodeRecord(3, u32(0, 9999, 1, 0)))],
    ['PAGE_DATA of more than 1024 entries', put(hvm, 7, 0, manyEntries())],
    ['bytes behind the END', Buffer.concat([...hvm, Buffer.alloc(8)])],
    ['reserved options in the upper half', put(hvm, 0, 1, options)],
    ['CHECKPOINT_END without a checkpoint', put(hvm, 13, 0, encodeRecord(LibxlRecord.CHECKPOINT_END))],
  ])('takes what we refuse, being closer to restore or to the specification: %s', (_what, bytes) => {
    expect(xenSays(bytes)).toBe(true);
    expect(errorOf(bytes)?.message).toMatch(STRICTER);
  });

  it.each([
    ['optional records, which the specifications let pass', put(hvm, 8, 0, encodeRecord(0x8000_0001, u32(1)))],
    [
      'xenstore data, for a mistake under Python 3',
      put(
        hvm,
        13,
        0,
        encodeRecord(LibxlRecord.EMULATOR_XENSTORE_DATA, Buffer.concat([u32(2, 0), Buffer.from('a\0b\0')])),
      ),
    ],
    [
      'checkpointed streams, which it does not follow',
      put(
        hvm,
        12,
        0,
        encodeRecord(LibxcRecord.CHECKPOINT),
        encodeRecord(LibxlRecord.CHECKPOINT_END),
        pageData([{ pfn: 9, type: 0 }], () => 9),
      ),
    ],
  ])('refuses what we take: %s', (_what, bytes) => {
    expect(xenSays(bytes)).toBe(false);
    expect(errorOf(bytes)).toBeUndefined();
  });
});
