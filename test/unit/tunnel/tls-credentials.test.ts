import { createPrivateKey } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCredentials, type HostCredentials } from '../../support/credentials.js';
import { loadTlsDir } from '../../../src/tunnel/tls-credentials.js';

let host: HostCredentials;
let other: HostCredentials;
let stranger: HostCredentials;
let dir: string;

beforeAll(async () => {
  [host, other] = await makeCredentials({ hosts: [['a.example'], ['b.example']] });
  [stranger] = await makeCredentials({ hosts: [['a.example']] });
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-credentials-'));
  writeFileSync(join(dir, 'ca.pem'), host.ca);
  writeFileSync(join(dir, 'cert.pem'), host.cert);
  writeFileSync(join(dir, 'key.pem'), host.key, { mode: 0o600 });
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

function thrown(now?: Date): unknown {
  try {
    return loadTlsDir(dir, now);
  } catch (error) {
    return error;
  }
}

describe('a folder of credentials', () => {
  it('is read whole', () => {
    expect(loadTlsDir(dir)).toEqual({ ca: host.ca, cert: host.cert, key: host.key });
  });

  it('may hold several authorities, for the time of a change', () => {
    writeFileSync(join(dir, 'ca.pem'), stranger.ca + host.ca);
    expect(loadTlsDir(dir).ca).toBe(stranger.ca + host.ca);
  });

  it.each(['ca.pem', 'cert.pem', 'key.pem'])('F29: %s missing', (name) => {
    rmSync(join(dir, name));
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_MISSING', data: { path: join(dir, name) } });
  });

  it.each(['ca.pem', 'cert.pem', 'key.pem'])('F29: %s empty', (name) => {
    truncateSync(join(dir, name), 0);
    expect(thrown()).toMatchObject({
      code: 'E_TUNNEL_CREDENTIALS_DAMAGED',
      message: `${join(dir, name)} is empty`,
      hint: expect.stringContaining('xenferry pki issue') as string,
    });
  });

  it.each(['ca.pem', 'cert.pem', 'key.pem'])('F29: %s cut off anywhere', (name) => {
    const { size } = statSync(join(dir, name));
    for (const length of [1, 30, Math.floor(size / 2), size - 40, size - 10, size - 3]) {
      truncateSync(join(dir, name), length);
      expect(thrown(), `${length} of ${size} bytes`).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_DAMAGED' });
      truncateSync(join(dir, name), size); // zeros in place of what was cut: damaged too
      expect(thrown(), `${length} of ${size} bytes, then zeros`).toMatchObject({
        code: 'E_TUNNEL_CREDENTIALS_DAMAGED',
      });
      writeFileSync(join(dir, name), { 'ca.pem': host.ca, 'cert.pem': host.cert }[name] ?? host.key);
    }
    expect(loadTlsDir(dir).cert).toBe(host.cert);
  });

  it('F29: a file with the right frame and nonsense inside', () => {
    const nonsense = readFileSync(join(dir, 'cert.pem'), 'utf8').replace(
      /\n[A-Za-z0-9+/]{20}/,
      '\nAAAAAAAAAAAAAAAAAAAA',
    );
    writeFileSync(join(dir, 'cert.pem'), nonsense);
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_DAMAGED' });
  });

  it('a key of another certificate', () => {
    writeFileSync(join(dir, 'key.pem'), other.key);
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_MISMATCH' });
  });

  it('a key with a passphrase is called that, with what takes it off', () => {
    const key = createPrivateKey(readFileSync(join(dir, 'key.pem')));
    for (const type of ['pkcs8', key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1'] as const) {
      const pem = key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' });
      writeFileSync(join(dir, 'key.pem'), pem, { mode: 0o600 });
      const error = thrown();
      expect(error).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_ENCRYPTED' });
      expect(error).toHaveProperty('hint', expect.stringContaining('openssl pkey -in'));
    }
  });

  it('a certificate of another authority, even one of the same name', () => {
    writeFileSync(join(dir, 'ca.pem'), stranger.ca);
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_MISMATCH' });
  });

  it('a certificate in the place of the key', () => {
    writeFileSync(join(dir, 'key.pem'), host.cert);
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_DAMAGED' });
  });

  it.each([0o640, 0o604, 0o666])('a key with mode %o, with the remedy', (mode) => {
    chmodSync(join(dir, 'key.pem'), mode);
    expect(thrown()).toMatchObject({
      code: 'E_TUNNEL_CREDENTIALS_MODE',
      hint: expect.stringContaining(`chmod 600 ${join(dir, 'key.pem')}`) as string,
    });
  });

  it('F28: a certificate that has expired', () => {
    expect(thrown(new Date(Date.now() + 3 * 86_400_000))).toMatchObject({ code: 'E_TUNNEL_CERT_EXPIRED' });
  });

  it('F28: a certificate that is not valid yet, with the clock that says so', () => {
    const long = new Date(Date.now() - 30 * 86_400_000);
    expect(thrown(long)).toMatchObject({
      code: 'E_TUNNEL_CERT_NOT_YET_VALID',
      hint: expect.stringContaining(long.toISOString()) as string,
    });
  });

  it('a list of revoked certificates that is damaged is not passed over', () => {
    writeFileSync(join(dir, 'crl.pem'), '');
    expect(thrown()).toMatchObject({ code: 'E_TUNNEL_CREDENTIALS_DAMAGED', data: { path: join(dir, 'crl.pem') } });
  });
});
