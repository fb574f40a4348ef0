import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LibxlRecord, PageType } from '../../../src/savestream/layout.js';
import { encodeRecord } from '../../../src/savestream/encode.js';
import { StreamSummarizer, type StreamSummary } from '../../../src/savestream/summary.js';
import { fixturePath, FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { pageData, smallHvmParts, smallPvParts } from '../../support/small-stream.js';
import { xenVerify, xenVerifyAvailable } from '../../support/xen-verify.js';

function summarize(bytes: Uint8Array, chunk = 65_536): StreamSummary {
  const summarizer = new StreamSummarizer();
  for (let at = 0; at < bytes.length; at += chunk) summarizer.push(bytes.subarray(at, at + chunk));
  return summarizer.end();
}

const isGood = (bytes: Uint8Array): boolean => {
  try {
    summarize(bytes);
    return true;
  } catch {
    return false;
  }
};

describe('what a stream holds', () => {
  const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8')) as Record<string, unknown>;

  it.each(FIXTURES)('is counted exactly for %s', (name) => {
    expect(summarize(fixtureStream(name))).toEqual(expected[name]);
  });

  it('tells zero, duplicate, unique and re-sent pages apart', () => {
    const parts = smallHvmParts();
    const contents = [0, 0, 5, 5, 6, 5];
    const pages = contents.map((fill, index) => pageData([{ pfn: index % 4, type: PageType.NOTAB }], () => fill));
    parts.splice(7, 2, ...pages);
    expect(summarize(Buffer.concat(parts)).pages).toEqual({
      data: 6,
      nodata: 0,
      zero: 2,
      duplicate: 2,
      unique: 2,
      resent: 2,
    });
  });

  it('remembers far more contents than the table starts with', () => {
    const parts = smallHvmParts();
    const batch = (round: number): Buffer => {
      const entries = Array.from({ length: 1024 }, (_, index) => ({ pfn: index, type: PageType.NOTAB }));
      const record = pageData(entries, () => 0);
      entries.forEach((_, index) => record.writeUInt32LE(round * 1024 + index + 1, 8 + 8 + 8 * 1024 + index * 4096));
      return record;
    };
    parts.splice(7, 2, ...[0, 1, 2, 3, 4, 0, 1].map(batch));
    expect(summarize(Buffer.concat(parts)).pages).toEqual({
      data: 7168,
      nodata: 0,
      zero: 0,
      duplicate: 2048,
      unique: 5120,
      resent: 6144,
    });
  });
});

describe.skipIf(!xenVerifyAvailable)("Xen's own verify-stream-v2 agrees", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-verify-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const ask = (bytes: Uint8Array): { ok: boolean; output: string } => {
    const file = join(dir, 'stream');
    writeFileSync(file, bytes);
    return xenVerify(file);
  };

  it.each(FIXTURES)('on %s', (name) => {
    expect(ask(fixtureStream(name))).toMatchObject({ ok: true });
  });

  it('on what the writer writes', () => {
    for (const parts of [smallHvmParts(3), smallHvmParts(2), smallPvParts()]) {
      const verdict = ask(Buffer.concat(parts));
      expect(verdict.output).not.toContain('Error');
      expect(verdict.ok).toBe(true);
    }
  });

  it('on damaged streams: what Xen refuses, we refuse', () => {
    const good = Buffer.concat(smallHvmParts());
    const damages: [number, number][] = [
      [0, 0],
      [11, 3],
      [13, 1],
      [16, 0x77],
      [20, 8],
      [24, 0],
      [32, 1],
      [39, 4],
      [41, 2],
      [44, 1],
      [48, 9],
      [52, 13],
      [54, 1],
      [64, 0x66],
      [68, 23],
    ];
    for (const [at, value] of damages) {
      const bytes = Buffer.from(good);
      bytes[at] = value;
      if (!ask(bytes).ok) expect(isGood(bytes), `byte ${at} = ${value}`).toBe(false);
    }
    for (const cut of [10, 20, 50, 100, 5000, good.length - 1]) {
      expect(ask(good.subarray(0, cut)).ok).toBe(false);
      expect(isGood(good.subarray(0, cut))).toBe(false);
    }
  });

  it('where we are stricter, it is on purpose: an END without its image', () => {
    const bytes = Buffer.concat([smallHvmParts()[0], encodeRecord(LibxlRecord.END)]);
    expect(ask(bytes).ok).toBe(true);
    expect(isGood(bytes)).toBe(false);
  });
});
