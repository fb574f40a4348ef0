import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PageType } from '../../../src/savestream/layout.js';
import { StreamSummarizer, type StreamSummary } from '../../../src/savestream/summary.js';
import { StreamVerifier } from '../../../src/savestream/verify.js';
import { fixturePath, FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { pageData, smallHvmParts } from '../../support/small-stream.js';

function summarize(bytes: Uint8Array, chunk = 65_536): StreamSummary {
  const summarizer = new StreamSummarizer();
  for (let at = 0; at < bytes.length; at += chunk) summarizer.push(bytes.subarray(at, at + chunk));
  return summarizer.end();
}

describe('what a stream holds', () => {
  const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8')) as Record<string, unknown>;

  it.each(FIXTURES)('is counted exactly for %s', (name) => {
    expect(summarize(fixtureStream(name))).toEqual(expected[name]);
  });

  it.each(FIXTURES)('adds up to what is verified, for %s', (name) => {
    const bytes = fixtureStream(name);
    const verifier = new StreamVerifier();
    verifier.push(bytes);
    const { records, pages } = summarize(bytes);
    expect(verifier.end()).toEqual({
      records: records.reduce((sum, { count }) => sum + count, 0),
      pages: pages.data,
      bytes: bytes.length,
    });
    expect(pages.zero + pages.duplicate + pages.unique).toBe(pages.data);
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
