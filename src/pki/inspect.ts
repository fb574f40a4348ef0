import { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors/errors.js';
import { printable } from '../errors/printable.js';

/** Contents and state of a certificate, for people and scripts. */
export interface CertificateReport {
  readonly role: 'authority' | 'host' | 'other';
  readonly subject: string;
  readonly issuer: string;
  /** DNS names and IP addresses it is valid for. */
  readonly hosts: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
  readonly state: 'good' | 'expired' | 'not yet valid' | 'revoked';
  /** Hexadecimal, lower case. */
  readonly serial: string;
  /** `AA:BB:…`, over the whole certificate. */
  readonly sha256: string;
}

/** Extended key usages (RFC 5280 section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Reads a PEM certificate. Throws `E_USAGE_CERTIFICATE`; `where` is the path for the message. */
export function readCertificate(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new UsageError('E_USAGE_CERTIFICATE', `${where} does not hold a certificate that can be read`, {
      cause: error,
      hint: 'Name a cert.pem or ca.pem, or the folder it is in.',
      data: { path: where },
    });
  }
}

/** Serial number as xenferry prints it: lower case, without leading zero digits. */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, '');
}

/** DNS names and IP addresses that a certificate is valid for, in its own order. */
export function hostsOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:') || entry.startsWith('IP Address:'))
    .map((entry) => entry.slice(entry.indexOf(':') + 1).toLowerCase());
}

/** The report on one certificate at the given time. */
export function describeCertificate(
  certificate: X509Certificate,
  now: Date,
  revokedSerials: ReadonlySet<string> = new Set(),
): CertificateReport {
  const serial = serialOf(certificate);
  return {
    role: roleOf(certificate),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    hosts: hostsOf(certificate),
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    state: revokedSerials.has(serial) ? 'revoked' : stateAt(certificate, now),
    serial,
    sha256: certificate.fingerprint256,
  };
}

function roleOf(certificate: X509Certificate): CertificateReport['role'] {
  if (certificate.ca) return 'authority';
  // Node's types declare a list, but the property is undefined when the extension is absent.
  const usage: unknown = certificate.keyUsage;
  return Array.isArray(usage) && usage.includes(SERVER_AUTH) && usage.includes(CLIENT_AUTH) ? 'host' : 'other';
}

function stateAt(certificate: X509Certificate, now: Date): CertificateReport['state'] {
  if (now > new Date(certificate.validTo)) return 'expired';
  return now < new Date(certificate.validFrom) ? 'not yet valid' : 'good';
}

function oneLine(name: string): string {
  return printable(
    name
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join(', '),
  );
}
