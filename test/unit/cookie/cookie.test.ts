import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreeStreamVersion, bakeCookie, checkCookieMatches, eatCookie } from '../../../src/cookie/cookie.js';
import { ProtocolError } from '../../../src/errors/errors.js';

const uuid = '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f';
const bytes = (text: string): Uint8Array => Buffer.from(text);
const cookie = (inside: string): Uint8Array => bytes(`<libxl-migration>${inside}</libxl-migration>\0`);
const whole = `<name>web</name><uuid>${uuid}</uuid><hostname>a</hostname><migration-stream-version>2</migration-stream-version>`;

describe('S01: the migration cookie', () => {
  it('is baked to the letter', () => {
    const baked = bakeCookie({ name: 'web', uuid, hostname: 'host-a', streamVersion: 2 });
    expect(Buffer.from(baked).toString()).toBe(
      `<libxl-migration>\n  <name>web</name>\n  <uuid>${uuid}</uuid>\n  <hostname>host-a</hostname>\n  <migration-stream-version>2</migration-stream-version>\n</libxl-migration>\n\0`,
    );
  });

  it('comes back as it was baked, extension included', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((one) => one.trim() === one && /^[^\p{Cc}\p{Cs}\ufffe\uffff]+$/u.test(one));
    fc.assert(
      fc.property(name, fc.uuid(), fc.integer({ min: 1, max: 0xffff_ffff }), (given, id, streamVersion) => {
        const eaten = eatCookie(
          bakeCookie({ name: given, uuid: id, hostname: 'h', streamVersion, extension: { epoch: '7' } }),
        );
        expect(eaten).toEqual({ name: given, uuid: id, streamVersion, extension: { epoch: '7' } });
      }),
    );
  });

  it('is version 1 where there is none', () => {
    expect(eatCookie(undefined)).toEqual({ name: undefined, uuid: undefined, streamVersion: 1, extension: {} });
  });

  it('ignores elements it does not know: that is how it grows', () => {
    const eaten = eatCookie(cookie(`${whole}<future a='b'><deep/></future><xenferry xmlns='someone-else' epoch='1'/>`));
    expect(eaten).toMatchObject({ name: 'web', streamVersion: 2, extension: {} });
  });

  it.each([
    ['empty', bytes(''), 'E_PROTOCOL_COOKIE_EMPTY'],
    ['without its NUL', bytes(`<libxl-migration>${whole}</libxl-migration>`), 'E_PROTOCOL_COOKIE_NO_NUL'],
    ['of another root', bytes('<qemu-migration/>\0'), 'E_PROTOCOL_COOKIE_ROOT'],
    ['without a name', cookie(whole.replace('<name>web</name>', '')), 'E_PROTOCOL_COOKIE_MISSING'],
    ['without a uuid', cookie(whole.replace(/<uuid>.*<\/uuid>/, '')), 'E_PROTOCOL_COOKIE_MISSING'],
    ['without a version', cookie(whole.replace(/<migration.*/, '')), 'E_PROTOCOL_COOKIE_MISSING'],
    ['with a bad uuid', cookie(whole.replace(uuid, 'abc')), 'E_PROTOCOL_COOKIE_UUID'],
    ['with version 0', cookie(whole.replace('>2<', '>0<')), 'E_PROTOCOL_COOKIE_VERSION'],
    ['with a version that is none', cookie(whole.replace('>2<', '>2x<')), 'E_PROTOCOL_COOKIE_VERSION'],
    ['with a giant version', cookie(whole.replace('>2<', '>99999999999<')), 'E_PROTOCOL_COOKIE_VERSION'],
    ['that is no XML', bytes('hello\0'), 'E_PROTOCOL_COOKIE_XML'],
    ['that is no UTF-8', Buffer.from([0x3c, 0xff, 0]), 'E_PROTOCOL_COOKIE_XML'],
    ['of ten megabytes', Buffer.alloc(10_000_000), 'E_PROTOCOL_COOKIE_TOO_LARGE'],
    ['that nests deep', bytes(`${'<a>'.repeat(50)}${'</a>'.repeat(50)}\0`), 'E_PROTOCOL_COOKIE_XML'],
    [
      'with an entity bomb',
      bytes('<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><libxl-migration><name>&b;</name></libxl-migration>\0'),
      'E_PROTOCOL_COOKIE_XML',
    ],
  ])('is refused %s', (_what, given, code) => {
    expect(() => eatCookie(given)).toThrow(expect.objectContaining({ code: code }) as Error);
  });

  it('answers any bytes with a cookie or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        try {
          eatCookie(given);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('answers any change of a good cookie with a cookie or a ProtocolError', () => {
    const good = bakeCookie({ name: 'web', uuid, hostname: 'h', streamVersion: 2, extension: { epoch: '1' } });
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), fc.boolean(), (at, byte, cut) => {
        const changed = cut ? good.slice(0, at) : good.with(at, byte);
        try {
          expect(eatCookie(changed).streamVersion).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses a version over ours, naming both numbers', () => {
    expect(agreeStreamVersion(2, [1, 2])).toBe(2);
    expect(() => agreeStreamVersion(3, [1, 2])).toThrow(
      'the source sends save stream version 3, this host supports 1, 2',
    );
  });

  it('must speak of the domain that comes with it', () => {
    const eaten = eatCookie(cookie(whole));
    expect(() => checkCookieMatches(eaten, { name: 'web', uuid })).not.toThrow();
    const mismatch = (message: RegExp): unknown =>
      expect.objectContaining({
        code: 'E_PROTOCOL_COOKIE_MISMATCH',
        message: expect.stringMatching(message) as unknown,
      });
    expect(() => checkCookieMatches(eaten, { name: 'db', uuid })).toThrow(mismatch(/domain "web"/));
    const other = uuid.replace('9', '8');
    expect(() => checkCookieMatches(eaten, { name: 'web', uuid: other })).toThrow(mismatch(/uuid/));
    expect(() => checkCookieMatches(eatCookie(undefined), { name: 'x', uuid })).not.toThrow();
  });
});
