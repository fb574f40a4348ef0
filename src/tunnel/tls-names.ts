import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { bounded } from '../errors/printable.js';
import type { PeerIdentity } from './peer-identity.js';

/** ALPN name of both ends in the TLS handshake, which distinguishes other programs' TLS ports. */
export const ALPN = 'xenferry/1';

/** All three are strong; the first is the fastest with AES instructions. */
export const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

/** A distinguished name's CN, else all of it, in one printable line. */
export function nameOf(subject: PeerCertificate['subject'] | undefined): string {
  if (subject === undefined) return 'unknown';
  const parts = Object.entries(subject).map(([key, value]) => `${key}=${String(value)}`);
  const name = typeof subject.CN === 'string' && subject.CN !== '' ? subject.CN : parts.join(',');
  return name === '' ? 'no name' : bounded(name, 256);
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The names a certificate is good for, first one first. */
export function altNames(certificate: PeerCertificate): string[] {
  return (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:') || entry.startsWith('IP Address:'))
    .map((entry) => entry.slice(entry.indexOf(':') + 1));
}

/** SHA-256 of the certificate's public key (SubjectPublicKeyInfo, RFC 5280 section 4.1), as `SHA256:` and base64. */
export function publicKeyOf(certificate: PeerCertificate): string {
  const key = new X509Certificate(certificate.raw).publicKey.export({ type: 'spki', format: 'der' });
  return `SHA256:${createHash('sha256').update(key).digest('base64').replaceAll('=', '')}`;
}

/**
 * The peer's identity in the verified certificate. Undefined if it names no host: a common name is no host's name, it may be a
 * person's.
 */
export function identityOf(certificate: PeerCertificate, address: string): PeerIdentity | undefined {
  const name = altNames(certificate).at(0);
  if (name === undefined) return undefined;
  return { transport: 'tls', name, fingerprint: certificate.fingerprint256, key: publicKeyOf(certificate), address };
}
