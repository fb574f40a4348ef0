import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS, PROCEDURES, procedureNamed } from '../../../src/libvirt/wire/procedures.js';
import { domain, typedParams } from '../../../src/libvirt/wire/types.js';
import {
  array,
  charArray,
  decodeXdr,
  encodeXdr,
  hyper,
  int,
  opaque,
  optional,
  string,
  struct,
  uhyper,
  uint,
  type Xdr,
} from '../../../src/libvirt/wire/xdr.js';
import { codeOf } from '../../../src/errors/message-of.js';

function codeFrom(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return 'none';
}

describe("values of libvirt's protocol", () => {
  it('are four bytes wide, big-endian, and padded', () => {
    expect(encodeXdr(int, -2).toString('hex')).toBe('fffffffe');
    expect(encodeXdr(string(10), 'abcde').toString('hex')).toBe('00000005' + '6162636465000000');
    expect(encodeXdr(optional(uint), undefined).toString('hex')).toBe('00000000');
    expect(encodeXdr(charArray(3), 'xy').toString('hex')).toBe('00000078' + '00000079' + '00000000');
  });

  it('come back as they went', () => {
    const type = struct({
      a: int,
      b: uhyper,
      c: hyper,
      d: optional(string(64)),
      e: array(opaque(8), 5),
      f: typedParams(64),
    });
    const param = fc.oneof(
      fc.record({ kind: fc.constant('int' as const), value: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }) }),
      fc.record({ kind: fc.constant('ullong' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({ kind: fc.constant('double' as const), value: fc.double({ noNaN: true }) }),
      fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
      fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
    );
    fc.assert(
      fc.property(
        fc.record({
          a: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
          b: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          c: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          d: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
          e: fc.array(
            fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
            { maxLength: 5 },
          ),
          f: fc.array(
            param.map((value) => ({ field: 'x', ...value })),
            { maxLength: 6 },
          ),
        }),
        (value) => {
          expect(decodeXdr(type, encodeXdr(type, value))).toEqual(value);
        },
      ),
    );
  });

  it("takes any number but 0 for a value: Go's client sends it the other way round", () => {
    const bytes = Buffer.from('01000000' + '00000001' + '61000000', 'hex');
    expect(decodeXdr(optional(string(4)), bytes)).toBe('a');
  });

  it.each<[string, Xdr<unknown>, string]>([
    ['a count beyond the bound', array(int, 4), '00000005' + '00'.repeat(20)],
    ['a count beyond what is left', array(int, 1000), '000003e8' + '00000000'],
    ['a string that ends early', string(100), '00000008' + '61616161'],
    ['bytes after the last item', int, '0000000000000000'],
    ['text that is not UTF-8', string(4), '00000002' + 'ff800000'],
    ['a parameter of no type', typedParams(4), '00000001' + '00000001' + '61000000' + '00000008'],
  ])('E_PROTOCOL_XDR: refuses %s, before it makes room', (_what, type, hex) => {
    expect(codeFrom(() => decodeXdr(type, Buffer.from(hex, 'hex')))).toBe('E_PROTOCOL_XDR');
  });

  it('E_PROTOCOL_XDR: writes nothing that does not fit', () => {
    expect(codeFrom(() => encodeXdr(uint, -1))).toBe('E_PROTOCOL_XDR');
    expect(codeFrom(() => encodeXdr(string(3), 'abcd'))).toBe('E_PROTOCOL_XDR');
    expect(codeFrom(() => encodeXdr(domain, { name: 'a', uuid: Buffer.alloc(15), id: 1 }))).toBe('E_PROTOCOL_XDR');
  });
});

describe('the table of procedures', () => {
  it('has each number once', () => {
    const numbers = [...Object.values(PROCEDURES), ...Object.values(EVENTS)].map(({ number }) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(procedureNamed(273)).toBe('listAllDomains');
    expect(procedureNamed(9999)).toBeUndefined();
  });

  it('gives a peer and a reader nothing that changes a domain', () => {
    for (const [name, { access, peer }] of Object.entries(PROCEDURES)) {
      if (/^domain(?:Set|Create|Define|Undefine|Destroy|Attach|Detach|Update|Save|Restore|Pin|Rename)/.test(name)) {
        expect([name, access, peer]).toEqual([name, 'write', false]);
      }
    }
  });
});
