import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/errors/errors.js';
import { decodeXlConfig, decodeXlHeader, encodeXlHead, XL_HEADER_BYTES } from '../../../src/savefile/xl-header.js';

describe('the head of a save file', () => {
  it('is laid out as xl does it', () => {
    const head = Buffer.from(encodeXlHead({ format: 'libxl-json', text: '{}' }));
    expect(head.subarray(0, 32).toString('latin1')).toBe('Xen saved domain, xl format\n \0 \r');
    expect([32, 36, 40, 44, 48].map((at) => head.readUInt32LE(at))).toEqual([0x01020304, 3, 0, 7, 3]);
    expect(head.subarray(52).toString()).toBe('{}\0');
  });

  it.each(['libxl-json', 'domain-xml'] as const)('gives a %s configuration back', (format) => {
    const head = encodeXlHead({ format, text: 'täxt' });
    const { optionalBytes } = decodeXlHeader(head.subarray(0, XL_HEADER_BYTES));
    expect(optionalBytes).toBe(head.length - XL_HEADER_BYTES);
    expect(decodeXlConfig(format, head.subarray(XL_HEADER_BYTES))).toEqual({ format, text: 'täxt' });
  });

  it.each([
    ['magic', 0, 0x00, /magic/],
    ['byte order', 32, 0x01, /byte order/],
    ['a mandatory flag from the future', 39, 0x40, /mandatory flags 0x40000000/],
    ['stream version 1', 36, 0x01, /version 1/],
    ['a giant length', 47, 0x7f, /optional data length/],
  ])('refuses %s', (_what, at, value, message) => {
    const head = Buffer.from(encodeXlHead({ format: 'libxl-json', text: '{}' }));
    head[at] = value;
    expect(() => decodeXlHeader(head.subarray(0, XL_HEADER_BYTES))).toThrow(message);
  });

  it('answers any bytes with a configuration or a StreamError', () => {
    const good = Buffer.from(encodeXlHead({ format: 'domain-xml', text: '<domain/>' }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        (flips) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of flips) bytes[at] = value;
          try {
            const { format } = decodeXlHeader(bytes.subarray(0, XL_HEADER_BYTES));
            decodeXlConfig(format, bytes.subarray(XL_HEADER_BYTES));
          } catch (error) {
            expect(error).toBeInstanceOf(StreamError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
