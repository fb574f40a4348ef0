import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeOneTimeCertificate } from '../../../src/pki/one-time.js';

const now = new Date('2026-11-23T12:00:00.500Z');

describe('a one-time certificate', () => {
  it('is what it says it is', () => {
    const { cert, ca, key } = makeOneTimeCertificate(now);
    const read = new X509Certificate(cert);
    expect(ca).toBe(cert);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.subject).toBe('CN=xenferry.invalid');
    expect(read.subjectAltName).toBe('DNS:xenferry.invalid');
    expect([read.validFrom, read.validTo]).toEqual(['Nov 22 12:00:00 2026 GMT', 'Nov 24 12:00:00 2026 GMT']);
    expect(read.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it('is another one each time', () => {
    const [one, other] = [makeOneTimeCertificate(now), makeOneTimeCertificate(now)].map(
      ({ cert }) => new X509Certificate(cert),
    );
    expect(one.serialNumber).not.toBe(other.serialNumber);
    expect(one.verify(other.publicKey)).toBe(false);
  });

  it.each([true, false])('lets in whom it was told of, and nobody else (told: %s)', async (told) => {
    const server = makeOneTimeCertificate(new Date());
    const client = makeOneTimeCertificate(new Date());
    const stranger = makeOneTimeCertificate(new Date());
    const listener = createServer({
      key: server.key,
      cert: server.cert,
      ca: client.ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const end = told ? client : stranger;
    const accepted = new Promise<boolean>((resolve) => {
      listener.once('secureConnection', (socket: TLSSocket) => {
        resolve(socket.authorized);
        socket.destroy();
      });
      listener.once('tlsClientError', () => resolve(false));
    });
    const socket = connect({
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      servername: 'xenferry.invalid',
      key: end.key,
      cert: end.cert,
      ca: server.ca,
    }).on('error', () => undefined);
    expect(await accepted).toBe(told);
    socket.destroy();
    listener.close();
  });
});
