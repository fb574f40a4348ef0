import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBigJson, parseBigJson } from '../../../../src/toolstack/libxl/big-json.js';

describe('JSON with 64-bit integers', () => {
  it('keeps what a double cannot hold', () => {
    const text = '{"gfn":18446744073709551615,"low":-9223372036854775808,"small":5}';
    const value = parseBigJson(text);
    expect(value).toEqual({ gfn: 18446744073709551615n, low: -9223372036854775808n, small: 5 });
    expect(formatBigJson(value)).toBe(text);
  });

  it('does not touch digits in strings, fractions or exponents', () => {
    const text = '{"a":"12345678901234567890","b":"say \\"12345678901234567890\\" 12345678901234567890"}';
    expect(formatBigJson(parseBigJson(text))).toBe(text);
    expect(parseBigJson('[0.1234567890123456789, 1e2]')).toEqual([0.1234567890123456789, 100]);
  });

  it('any JSON comes back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(formatBigJson(parseBigJson(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('any 64-bit integer comes back as it was', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (n) => {
        expect(formatBigJson(parseBigJson(`[${n}]`))).toBe(`[${n}]`);
      }),
    );
  });

  it.each([
    ['a string without end', (n: number) => `"${'\\"'.repeat(n / 2)}`],
    ['quotes', (n: number) => '"'.repeat(n)],
    ['minus signs', (n: number) => '-'.repeat(n)],
    ['a number without end', (n: number) => `[${'9'.repeat(n)}`],
    ['numbers that are none', (n: number) => '[1234567890123456e'.repeat(n / 18)],
  ])('takes time in proportion to what it refuses: %s', (_what, make) => {
    const timed = (bytes: number): number => {
      const text = make(bytes);
      const started = performance.now();
      expect(() => parseBigJson(text)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_LIBXL_JSON' }));
      return performance.now() - started;
    };
    const small = Math.max(1, Math.min(...[1, 2, 3].map(() => timed(128 * 1024))));
    // 16 times as long; where it were quadratic, 256 times (and an hour).
    expect(timed(2 * 1024 * 1024) / small).toBeLessThan(100);
  });

  it.each(['', '{', '[1] x', 'null null', '[00000000000000001]', `[${'9'.repeat(25)}]`, '[1234567890123456789e]'])(
    'refuses %s',
    (text) => {
      expect(() => parseBigJson(text)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_LIBXL_JSON' }));
    },
  );
});
