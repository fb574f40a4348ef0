import { describe, expect, it } from 'vitest';
import { countedPages } from '../../../../src/toolstack/libxl/first-round.js';

const MEMORY_KIB = 128 * 1024;
const round = { type: 'round', round: 0, pagesSent: 11_264, pagesTotal: 1_044_480 } as const;

describe('pages of the first round', () => {
  it('holes above the memory do not count', () => {
    expect(countedPages(round, MEMORY_KIB)).toEqual({ ...round, pagesTotal: 33_792 });
    expect(countedPages({ ...round, pagesSent: 720_896 }, MEMORY_KIB)).toEqual({
      ...round,
      pagesSent: 33_792,
      pagesTotal: 33_792,
    });
  });

  it('later rounds, smaller counts and other events stay as they are', () => {
    for (const event of [
      { ...round, round: 1, pagesSent: 99_999, pagesTotal: 99_999 },
      { ...round, pagesSent: 10, pagesTotal: 20 },
      { type: 'suspended', atMs: 1 },
    ] as const) {
      expect(countedPages(event, MEMORY_KIB)).toEqual(event);
    }
  });
});
