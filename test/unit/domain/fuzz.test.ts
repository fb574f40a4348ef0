import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineDomain } from '../../../src/domain/definition/define.js';
import { XenferryError } from '../../../src/errors/errors.js';
import { RICH_HVM } from './definition/guests.js';

const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };

describe('domain XML', () => {
  it('is defined or refused with a typed error, whatever a part of it says', () => {
    // Values of attributes and texts, each of which is put in another's place.
    const values = [...RICH_HVM.matchAll(/'([^']*)'|>([^<]+)</g)].map((match) => ({
      from: match.index + 1,
      to: match.index + match[0].length - 1,
    }));
    const other = fc.oneof(
      fc.constantFrom('', '-1', '0', '99999999999999999999', '0x', 'yes', '/', 'xvda', '1-', '&#65;', '::'),
      fc.string().map((text) => text.replaceAll(/[<>&'"]/g, '')),
    );
    fc.assert(
      fc.property(fc.constantFrom(...values), other, ({ from, to }, text) => {
        try {
          defineDomain(RICH_HVM.slice(0, from) + text + RICH_HVM.slice(to), context);
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is defined or refused with a typed error, whatever is cut out of it', () => {
    const at = fc.nat({ max: RICH_HVM.length });
    fc.assert(
      fc.property(at, at, (from, to) => {
        try {
          defineDomain(RICH_HVM.slice(0, from) + RICH_HVM.slice(to), context);
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
