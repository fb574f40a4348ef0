import { describe, expect, it } from 'vitest';
import { guestDomid } from '../../../src/toolstack/domid.js';

describe('the gate in front of domain 0', () => {
  it.each([1, 3, 0x7fef])('lets %i through', (id) => {
    expect(guestDomid(id)).toBe(id);
  });

  it.each([
    [0, 'E_REFUSED_DOMAIN0'],
    [-0, 'E_REFUSED_DOMAIN0'],
    [-1, 'E_REFUSED_DOMID'],
    [1.5, 'E_REFUSED_DOMID'],
    [Number.NaN, 'E_REFUSED_DOMID'],
    [Number.POSITIVE_INFINITY, 'E_REFUSED_DOMID'],
    // DOMID_FIRST_RESERVED, DOMID_SELF, and what libxl leaves where it made no domain.
    [0x7ff0, 'E_REFUSED_DOMID'],
    [0x7ffe, 'E_REFUSED_DOMID'],
    [0xffffffff, 'E_REFUSED_DOMID'],
  ])('stops %d', (id, code) => {
    expect(() => guestDomid(id, 'destroyed')).toThrow(expect.objectContaining({ code }));
  });
});
