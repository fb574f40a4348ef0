import { X509Certificate, createPrivateKey } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initAuthority } from '../../../src/pki/authority-dir.js';
import {
  issueCertificate,
  renewCertificate,
  revokeCertificate,
  showAuthority,
  showCertificate,
} from '../../../src/pki/host-dir.js';
import { loadTlsDir } from '../../../src/tunnel/tls-credentials.js';

const DAY_MS = 86_400_000;

let root: string;
let ca: string;

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-pki-'));
  ca = join(root, 'ca');
  await initAuthority(ca, { name: 'Test authority', days: 10 });
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

describe('an authority in a folder', () => {
  it('signs itself, may sign others, and keeps its key to itself', () => {
    const certificate = new X509Certificate(readFileSync(join(ca, 'ca.pem')));
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(ca, 'ca-key.pem'))))).toBe(true);
    expect(statSync(join(ca, 'ca-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(ca).mode & 0o777).toBe(0o700);
    const report = showCertificate(ca);
    expect(report).toMatchObject({ role: 'authority', state: 'good', subject: 'O=xenferry, CN=Test authority' });
    expect(report.sha256).toBe(certificate.fingerprint256);
  });

  it('is not overwritten unless that is wanted, and then starts from nothing', async () => {
    const dir = join(root, 'again');
    const first = await initAuthority(dir);
    const host = join(root, 'again-host');
    await issueCertificate(dir, { hosts: ['a.example'], out: host });
    revokeCertificate(dir, host);
    await expect(initAuthority(dir)).rejects.toEqual(code('E_REFUSED_AUTHORITY_EXISTS'));
    expect(showCertificate(dir).serial).toBe(first.serial);
    const second = await initAuthority(dir, { force: true });
    expect(second.serial).not.toBe(first.serial);
    expect(readdirSync(dir).sort()).toEqual(['ca-key.pem', 'ca.pem', 'lock']);
    expect(() => revokeCertificate(dir, host)).toThrow(code('E_USAGE_CERTIFICATE'));
  });

  it.each(['', ' x', 'x'.repeat(65), 'a\nb', 'a"b'])('refuses the name %j', async (name) => {
    await expect(initAuthority(join(root, 'none'), { name })).rejects.toEqual(code('E_USAGE_NAME'));
  });
});

describe('a certificate for a host', () => {
  it('comes as a folder that is ready for TLS, good for all its names', async () => {
    const out = join(root, 'host1');
    const report = await issueCertificate(ca, { hosts: ['Xen1.example', '192.0.2.7', '2001:db8::7'], out, days: 5 });
    const certificate = new X509Certificate(readFileSync(join(out, 'cert.pem')));
    expect(certificate.checkHost('xen1.example')).toBe('xen1.example');
    expect(certificate.checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(certificate.checkIP('2001:db8::7')).toBeDefined();
    expect(certificate.checkHost('xen2.example')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(report).toMatchObject({ role: 'host', state: 'good' });
    expect(report.hosts.slice(0, 2)).toEqual(['xen1.example', '192.0.2.7']);
    expect(statSync(join(out, 'key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(out).mode & 0o777).toBe(0o700);
    expect(loadTlsDir(out).cert).toBe(readFileSync(join(out, 'cert.pem'), 'utf8'));
  });

  it('never outlives its authority', async () => {
    const report = await issueCertificate(ca, { hosts: ['long.example'], out: join(root, 'long'), days: 1000 });
    expect(report.validTo).toBe(showCertificate(ca).validTo);
  });

  it('has a serial of its own', async () => {
    const reports = [];
    for (const name of ['s1', 's2', 's3']) {
      reports.push(await issueCertificate(ca, { hosts: [`${name}.example`], out: join(root, name) }));
    }
    expect(new Set(reports.map(({ serial }) => serial)).size).toBe(3);
    expect(reports.every(({ serial }) => serial.length === 32)).toBe(true);
  });

  it('is not overwritten unless that is wanted', async () => {
    const out = join(root, 'twice');
    const first = await issueCertificate(ca, { hosts: ['t.example'], out });
    await expect(issueCertificate(ca, { hosts: ['t.example'], out })).rejects.toEqual(
      code('E_REFUSED_CERTIFICATE_EXISTS'),
    );
    const second = await issueCertificate(ca, { hosts: ['t.example'], out, force: true });
    expect(second.serial).not.toBe(first.serial);
    expect(loadTlsDir(out).cert).toBe(readFileSync(join(out, 'cert.pem'), 'utf8'));
  });

  it.each([['*.example'], ['a b'], ['-a.example'], ['a..b'], [''], ['fe80::1%eth0'], ['1.2.3.4.5'], ['a\0b']])(
    'refuses the host %j',
    async (host) => {
      await expect(issueCertificate(ca, { hosts: [host], out: join(root, 'no') })).rejects.toEqual(
        code('E_USAGE_HOST'),
      );
    },
  );

  it.each([0, -1, 1.5, NaN, 1e9])('refuses %d days', async (days) => {
    const out = join(root, 'no');
    await expect(issueCertificate(ca, { hosts: ['a.example'], out, days })).rejects.toEqual(code('E_USAGE_DAYS'));
  });

  it('says what is missing where there is no authority', async () => {
    const out = join(root, 'no');
    const missing = code('E_USAGE_PKI_MISSING');
    await expect(issueCertificate(join(root, 'nowhere'), { hosts: ['a.example'], out })).rejects.toEqual(missing);
    await expect(issueCertificate(root, { hosts: ['a.example'], out })).rejects.toEqual(missing);
  });

  it('notices an authority whose key is another one', async () => {
    const dir = join(root, 'mixed');
    await initAuthority(dir);
    writeFileSync(join(dir, 'ca-key.pem'), readFileSync(join(ca, 'ca-key.pem')));
    await expect(issueCertificate(dir, { hosts: ['a.example'], out: join(root, 'no') })).rejects.toEqual(
      code('E_USAGE_PKI_MISMATCH'),
    );
  });
});

describe('renewal', () => {
  it('keeps key and names and ends later', async () => {
    const out = join(root, 'renewed');
    const now = new Date(Date.now() - 2 * DAY_MS);
    const old = await issueCertificate(ca, { hosts: ['r.example', '127.0.0.1', '::1'], out, days: 3, now });
    const key = readFileSync(join(out, 'key.pem'), 'utf8');
    const fresh = renewCertificate(ca, out, { days: 5 });
    expect(fresh.hosts).toEqual(old.hosts);
    expect(fresh.serial).not.toBe(old.serial);
    expect(fresh.validTo > old.validTo).toBe(true);
    expect(readFileSync(join(out, 'key.pem'), 'utf8')).toBe(key);
    expect(loadTlsDir(out).key).toBe(key);
  });

  it('is refused to a certificate of another authority, and to one that is revoked', async () => {
    const other = join(root, 'other-ca');
    await initAuthority(other);
    const out = join(root, 'foreign');
    await issueCertificate(other, { hosts: ['f.example'], out });
    expect(() => renewCertificate(ca, out)).toThrow(code('E_USAGE_CERTIFICATE'));
    expect(() => revokeCertificate(ca, out)).toThrow(code('E_USAGE_CERTIFICATE'));
    revokeCertificate(other, out);
    expect(() => renewCertificate(other, out)).toThrow(code('E_REFUSED_REVOKED'));
  });
});

describe('revocation', () => {
  it('takes a folder, a serial or a host name, and adds up', async () => {
    const names = ['v1.example', 'v2.example', 'v3.example'];
    const reports = [];
    for (const name of names) reports.push(await issueCertificate(ca, { hosts: [name], out: join(root, name) }));
    revokeCertificate(ca, join(root, 'v1.example'));
    revokeCertificate(ca, reports[1].serial.toUpperCase());
    const { revoked, crl } = revokeCertificate(ca, 'v3.example');
    expect(revoked).toEqual([expect.objectContaining({ serial: reports[2].serial, state: 'revoked' })]);
    expect(readFileSync(crl, 'utf8')).toMatch(/^-----BEGIN X509 CRL-----\n[A-Za-z0-9+/=\n]+-----END X509 CRL-----\n$/);
    const shown = showAuthority(ca).issued.filter(({ state }) => state === 'revoked');
    expect(shown.map(({ serial }) => serial).sort()).toEqual(reports.map(({ serial }) => serial).sort());
    expect(() => revokeCertificate(ca, 'v3.example')).toThrow(code('E_USAGE_CERTIFICATE'));
  });

  it('takes every certificate of the key: a renewed one falls with the old', async () => {
    const out = join(root, 'both');
    const old = await issueCertificate(ca, { hosts: ['both.example'], out, days: 1 });
    const fresh = renewCertificate(ca, out, { days: 2 });
    const { revoked } = revokeCertificate(ca, 'both.example');
    expect(revoked.map(({ serial }) => serial).sort()).toEqual([old.serial, fresh.serial].sort());
    const shown = showAuthority(ca).issued.filter(({ hosts }) => hosts.includes('both.example'));
    expect(shown.map(({ state }) => state)).toEqual(['revoked', 'revoked']);
  });

  it('asks back when a host name has good certificates of two keys', async () => {
    for (const out of ['two-a', 'two-b']) await issueCertificate(ca, { hosts: ['two.example'], out: join(root, out) });
    expect(() => revokeCertificate(ca, 'two.example')).toThrow(/several keys/);
    expect(revokeCertificate(ca, join(root, 'two-a')).revoked).toHaveLength(1);
    expect(revokeCertificate(ca, 'two.example').revoked).toHaveLength(1);
  });

  it('comes with what is issued afterwards', async () => {
    await issueCertificate(ca, { hosts: ['x.example'], out: join(root, 'gone') });
    revokeCertificate(ca, join(root, 'gone'));
    await issueCertificate(ca, { hosts: ['later.example'], out: join(root, 'later') });
    expect(loadTlsDir(join(root, 'later')).crl).toBe(readFileSync(join(ca, 'crl.pem'), 'utf8'));
  });
});

it('an authority whose key has a passphrase is called that', async () => {
  const dir = join(root, 'locked');
  await initAuthority(dir);
  const path = join(dir, 'ca-key.pem');
  const key = createPrivateKey(readFileSync(path));
  writeFileSync(path, key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }));
  await expect(issueCertificate(dir, { hosts: ['a.example'], out: join(root, 'none') })).rejects.toEqual(
    code('E_USAGE_PKI_ENCRYPTED'),
  );
});

describe('files that are symbolic links or pipes', () => {
  it('keep their links: what those lead to is replaced', async () => {
    const [host, store] = [join(root, 'linked'), join(root, 'store')];
    for (const dir of [host, store]) mkdirSync(dir);
    symlinkSync('../store/host.pem', join(host, 'cert.pem'));
    await issueCertificate(ca, { hosts: ['linked.example'], out: host });
    const { serial } = showCertificate(join(store, 'host.pem'));
    expect(renewCertificate(ca, host).serial).not.toBe(serial);
    expect(readlinkSync(join(host, 'cert.pem'))).toBe('../store/host.pem');
    expect(readdirSync(store)).toEqual(['host.pem']);
  });

  it('are refused before anything is signed where they are not to be replaced', async () => {
    const host = join(root, 'piped');
    mkdirSync(host);
    expect(spawnSync('mkfifo', [join(host, 'ca.pem')]).status).toBe(0);
    const before = readdirSync(join(ca, 'issued')).length;
    await expect(issueCertificate(ca, { hosts: ['piped.example'], out: host })).rejects.toEqual(code('E_REFUSED_FILE'));
    expect(readdirSync(join(ca, 'issued'))).toHaveLength(before);
    expect(readdirSync(host)).toEqual(['ca.pem']);
    expect(lstatSync(join(host, 'ca.pem')).isFIFO()).toBe(true);
  });
});

it('names beyond ASCII are in a certificate as the DNS has them', async () => {
  const report = await issueCertificate(ca, { hosts: ['Bücher.example', 'bücher.example'], out: join(root, 'idn') });
  expect(report.hosts).toEqual(['xn--bcher-kva.example']);
});
