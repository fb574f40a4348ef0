import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RevocationMemory } from '../../../../src/host/access/revocation-memory.js';
import { HOST_KEY_BITS, makeAuthority, validForDays, type Authority } from '../../../../src/pki/certificate.js';
import { readRevocationDate } from '../../../../src/pki/revocation-date.js';
import { makeRevocationList } from '../../../../src/pki/revocation-list.js';

const DAY_MS = 86_400_000;
const START = new Date('2026-11-01T10:00:00Z');

let authority: Authority;
let another: Authority;
let dir: string;
let path: string;
beforeAll(async () => {
  const validity = validForDays(30, START);
  [authority, another] = await Promise.all([
    makeAuthority('one', validity, HOST_KEY_BITS),
    makeAuthority('another', validity, HOST_KEY_BITS),
  ]);
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-crl-'));
  path = join(dir, 'crl-seen.json');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const list = (number: number, days: number, by = authority): string =>
  makeRevocationList(by, [{ serial: '0a', at: START }], number, new Date(START.getTime() + days * DAY_MS));

/** A new process each time: what counts is on the disk. */
const check = (crl: string | undefined, ca = authority.cert): string | undefined =>
  new RevocationMemory(path).check('/tls', { ca, ...(crl === undefined ? {} : { crl }) });
const refused = (says: string): unknown =>
  expect.objectContaining({ code: 'E_TUNNEL_CREDENTIALS_CRL', message: expect.stringContaining(says) as string });

describe('the list of revoked certificates that was used last', () => {
  it('its date and number are read from it', () => {
    expect(readRevocationDate(list(258, 2), 'crl.pem')).toEqual({
      at: new Date('2026-11-03T10:00:00Z'),
      number: 258n,
    });
    for (const bad of ['', 'x', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n']) {
      expect(() => readRevocationDate(bad, 'crl.pem')).toThrow(
        expect.objectContaining({ code: 'E_TUNNEL_CREDENTIALS_DAMAGED' }),
      );
    }
  });

  it('none at all is in order where there never was one', () => {
    expect(check(undefined)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('one that has vanished counts as damaged, with the remedy, also in the next process', () => {
    expect(check(list(1, 0))).toContain('number 1');
    expect(() => check(undefined)).toThrow(refused('/tls/crl.pem is missing'));
    expect(() => check(undefined)).toThrow(expect.objectContaining({ hint: expect.stringContaining(path) as string }));
    expect(check(list(1, 0))).toContain('2026-11-01T10:00:00.000Z');
  });

  it('one that is older counts as damaged: by its number, else by its date', () => {
    check(list(7, 3));
    expect(() => check(list(6, 4))).toThrow(refused('is older'));
    expect(check(list(8, 2))).toContain('number 8');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/,"number":"8"/, ''));
    expect(() => check(list(9, 1))).toThrow(refused('is older'));
  });

  it('another authority begins anew', () => {
    check(list(7, 3));
    expect(check(undefined, another.cert)).toBeUndefined();
    expect(check(list(1, 0, another), another.cert)).toContain('number 1');
    expect(() => check(undefined, authority.cert + another.cert)).toThrow(refused('is missing'));
  });

  it('what cannot be read is not passed over', () => {
    writeFileSync(path, '{"at":1}');
    expect(() => check(list(1, 0))).toThrow(refused('is damaged'));
  });
});
