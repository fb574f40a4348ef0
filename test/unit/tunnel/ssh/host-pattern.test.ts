import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern, matchesPatternList } from '../../../../src/tunnel/ssh/host-pattern.js';

describe('patterns of ssh_config(5)', () => {
  it.each([
    ['host', 'host', true],
    ['host', 'hos?', true],
    ['host', 'h?', false],
    ['db1.example.com', '*.example.com', true],
    ['example.com', '*.example.com', false],
    ['abcabd', '*ab?', true],
    ['abcabd', '*abc', false],
    ['', '*', true],
    ['', '?', false],
    ['[h]:2222', '[h]:2222', true],
    ['h', '[h]', false],
    ['192.168.0.7', '192.168.0.?', true],
  ])('%s against %s is %s', (text, pattern, expected) => {
    expect(matchesPattern(text, pattern)).toBe(expected);
  });

  it('does not take exponential time', () => {
    expect(matchesPattern('a'.repeat(5000), `${'*a'.repeat(200)}b`)).toBe(false);
  });

  it('a negated pattern takes away, and matches nothing alone', () => {
    expect(matchesPatternList('a.example', ['*.example', '!b.example'])).toBe(true);
    expect(matchesPatternList('b.example', ['*.example', '!b.example'])).toBe(false);
    expect(matchesPatternList('c', ['!b'])).toBe(false);
  });

  it('agrees with the same pattern as a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '?', '*'), maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (of, by) => {
        const source = by.replaceAll('?', '.').replaceAll('*', '.*');
        expect(matchesPattern(of, by)).toBe(new RegExp(`^${source}$`, 's').test(of));
      }),
    );
  });
});
