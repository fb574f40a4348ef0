import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../errors/codes.js';
import { TunnelError, XenferryError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { pastedWord } from '../errors/shell-words.js';

/** What one host proves itself with, as PEM texts. */
export interface TlsCredentials {
  /** The authority that both hosts trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Revoked certificates; if given, a certificate on it is refused. */
  readonly crl?: string;
}

/** Opens a file for reading; the caller owns the descriptor. */
export type OpenFile = (path: string) => number;
const openPlainly: OpenFile = (path) => openSync(path, 'r');

/** Far larger than any PEM file of xenferry. */
const MAX_FILE_BYTES = 1024 * 1024;

/** PKCS #8 (RFC 7468), and the older form (RFC 1421). */
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED\r?$/m;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads ca.pem, cert.pem, key.pem and, if it is there, crl.pem, and checks that they fit together,
 * so that a damaged folder is reported at the start and not as a failed handshake (F29).
 * Throws `E_TUNNEL_CREDENTIALS_*` (`_ENCRYPTED` for a key with a passphrase), or `E_TUNNEL_CERT_EXPIRED` or `E_TUNNEL_CERT_NOT_YET_VALID`
 * for this host's own certificate.
 * @param open opens a file for reading; may refuse one that others can change, with an error of its own
 */
export function loadTlsDir(dir: string, now: Date = new Date(), open: OpenFile = openPlainly): TlsCredentials {
  const path = (name: string): string => join(dir, name);
  const ca = readPem(path('ca.pem'), 'CERTIFICATE', { open });
  const cert = readPem(path('cert.pem'), 'CERTIFICATE', { open });
  const key = readPem(path('key.pem'), 'PRIVATE KEY', { open, secret: true });
  const crl = readPem(path('crl.pem'), 'X509 CRL', { open, optional: true });

  const authorities = readCertificates(ca, path('ca.pem'));
  const chain = readCertificates(cert, path('cert.pem'));
  const own = chain[0];
  const privateKey = readKey(key, path('key.pem'));
  if (!own.checkPrivateKey(privateKey)) {
    throw unfit(
      'E_TUNNEL_CREDENTIALS_MISMATCH',
      `${path('key.pem')} is not the key of ${path('cert.pem')}`,
      path('key.pem'),
    );
  }
  const issuers = [...authorities, ...chain.slice(1)];
  if (!issuers.some((issuer) => own.checkIssued(issuer) && own.verify(issuer.publicKey))) {
    throw unfit(
      'E_TUNNEL_CREDENTIALS_MISMATCH',
      `${path('cert.pem')} is not signed by the authority in ${path('ca.pem')}`,
      path('cert.pem'),
    );
  }
  if (now < new Date(own.validFrom)) {
    throw new TunnelError('E_TUNNEL_CERT_NOT_YET_VALID', `${path('cert.pem')} is valid from ${own.validFrom} on`, {
      hint: `This host's clock says ${now.toISOString()}: compare it with that of the host where the certificate was issued.`,
      data: { path: path('cert.pem'), validFrom: own.validFrom },
    });
  }
  if (now > new Date(own.validTo)) {
    throw new TunnelError('E_TUNNEL_CERT_EXPIRED', `${path('cert.pem')} has expired on ${own.validTo}`, {
      hint: 'Renew it with `xenferry pki renew`.',
      data: { path: path('cert.pem'), validTo: own.validTo },
    });
  }
  return { ca, cert, key, ...(crl === undefined ? {} : { crl }) };
}

/** OpenSSL would not take the credentials. */
export function credentialsError(cause: unknown): TunnelError {
  return new TunnelError('E_TUNNEL_CREDENTIALS', 'the certificate, its key or the authority cannot be used', {
    cause,
    hint: 'Make them anew with `xenferry pki issue`.',
  });
}

interface PemOptions {
  readonly open: OpenFile;
  readonly secret?: boolean;
}

function readPem(path: string, label: string, options: PemOptions): string;
function readPem(path: string, label: string, options: PemOptions & { readonly optional: boolean }): string | undefined;
function readPem(
  path: string,
  label: string,
  options: PemOptions & { readonly optional?: boolean },
): string | undefined {
  let fd: number;
  try {
    fd = options.open(path);
  } catch (error) {
    if (error instanceof XenferryError) throw error;
    if (options.optional === true && isMissing(error)) return undefined;
    throw unfit('E_TUNNEL_CREDENTIALS_MISSING', `${path} cannot be read`, path, error);
  }
  try {
    const { mode, size } = fstatSync(fd);
    if (options.secret === true && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new TunnelError('E_TUNNEL_CREDENTIALS_MODE', `${path} has mode ${octal}: others can read the key`, {
        hint: `Run \`chmod 600 ${pastedWord(path)}\`; if it was open for long, issue a new one.`,
        data: { path, mode: octal },
      });
    }
    if (size === 0) throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} is empty`, path);
    if (size > MAX_FILE_BYTES)
      throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} has ${size} bytes, too many for a PEM file`, path);
    const text = readFileSync(fd, 'utf8');
    if (!text.includes(`${label}-----`) || !text.trimEnd().endsWith(`${label}-----`)) {
      throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} is not a complete PEM file with a ${label}`, path);
    }
    return text;
  } catch (error) {
    throw error instanceof XenferryError
      ? error
      : unfit('E_TUNNEL_CREDENTIALS_MISSING', `${path} cannot be read`, path, error);
  } finally {
    closeSync(fd);
  }
}

function readCertificates(pem: string, path: string): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    const certificates = (pem.match(PEM_CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
    const first = certificates.at(0);
    if (first !== undefined) return [first, ...certificates.slice(1)];
  } catch (error) {
    throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} does not hold a certificate that can be read`, path, error);
  }
  throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} does not hold a certificate`, path);
}

function readKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (ENCRYPTED_KEY.test(pem)) {
      const file = pastedWord(path);
      throw new TunnelError('E_TUNNEL_CREDENTIALS_ENCRYPTED', `${path} is encrypted, and no passphrase is asked for`, {
        hint: `Write it without one: \`(umask 077; openssl pkey -in ${file} -out ${file}.new) && mv ${file}.new ${file}\`.`,
        data: { path },
      });
    }
    throw unfit('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} does not hold a private key that can be read`, path, error);
  }
}

function isMissing(error: unknown): boolean {
  const thrown = asError(error);
  return 'code' in thrown && thrown.code === 'ENOENT';
}

function unfit(code: ErrorCode, message: string, path: string, cause?: unknown): TunnelError {
  return new TunnelError(code, message, {
    cause,
    hint: 'Make the folder anew with `xenferry pki issue`, or copy it whole from where it was made.',
    data: { path },
  });
}
