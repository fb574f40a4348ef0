import type { ErrorCode } from '../errors/codes.js';
import type { PeerCertificate } from 'node:tls';
import { TunnelError } from '../errors/errors.js';
import { altNames, nameOf } from './tls-names.js';

interface Reason {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
}

const UNTRUSTED: Reason = {
  code: 'E_TUNNEL_CERT_UNTRUSTED',
  says: 'is not signed by an authority that this host trusts',
  hint: 'Issue it with `xenferry pki issue` from the authority whose ca.pem both hosts have.',
};

/** OpenSSL's verification results by the names Node gives them (crypto/x509, X509_V_ERR_*). */
const REASONS: Readonly<Partial<Record<string, Reason>>> = {
  CERT_HAS_EXPIRED: {
    code: 'E_TUNNEL_CERT_EXPIRED',
    says: 'has expired',
    hint: 'Renew it with `xenferry pki renew`; `xenferry pki show` prints when each one ends.',
  },
  CERT_NOT_YET_VALID: {
    code: 'E_TUNNEL_CERT_NOT_YET_VALID',
    says: 'is not valid yet',
    hint: 'Compare the clocks of both hosts; `xenferry pki show` prints when each certificate begins.',
  },
  CERT_REVOKED: {
    code: 'E_TUNNEL_CERT_REVOKED',
    says: 'has been revoked',
    hint: 'Issue a new one with `xenferry pki issue`.',
  },
  CRL_HAS_EXPIRED: {
    code: 'E_TUNNEL_CERT_CRL',
    says: 'cannot be checked: the list of revoked certificates has expired',
    hint: 'Make a new one with `xenferry pki revoke` and copy crl.pem to the hosts.',
  },
  UNABLE_TO_GET_CRL: {
    code: 'E_TUNNEL_CERT_CRL',
    says: 'cannot be checked: crl.pem is from another authority',
    hint: 'Copy ca.pem and crl.pem from the same authority.',
  },
  CRL_SIGNATURE_FAILURE: {
    code: 'E_TUNNEL_CERT_CRL',
    says: 'cannot be checked: crl.pem is not signed by the authority',
    hint: 'Copy ca.pem and crl.pem from the same authority.',
  },
  INVALID_PURPOSE: {
    code: 'E_TUNNEL_CERT_UNTRUSTED',
    says: 'is not made for this use',
    hint: 'Issue it with `xenferry pki issue`, which allows both server and client use.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: 'E_TUNNEL_CERT_WRONG_HOST',
    says: 'is for another host',
    hint: 'Dial a name that the certificate has, or issue one with `xenferry pki issue --host NAME-OR-IP`.',
  },
};

/**
 * Why a peer's certificate was turned down, as an error that names it.
 * @param verdict Node's `authorizationError`
 * @param whose how the message begins, such as "the certificate of host:16520"
 */
export function certificateError(
  verdict: string,
  whose: string,
  certificate: PeerCertificate | undefined,
  dialled?: string,
): TunnelError {
  const reason = REASONS[verdict] ?? UNTRUSTED;
  const subject = nameOf(certificate?.subject);
  const issuer = nameOf(certificate?.issuer);
  const names = certificate === undefined ? [] : altNames(certificate);
  const detail = [`issued by "${issuer}"`];
  if (certificate !== undefined) detail.push(`valid ${certificate.valid_from} to ${certificate.valid_to}`);
  if (names.length > 0) detail.push(`good for ${names.slice(0, 8).join(', ')}`);
  const dialledText = dialled === undefined || reason.code !== 'E_TUNNEL_CERT_WRONG_HOST' ? '' : `, not ${dialled}`;
  return new TunnelError(reason.code, `${whose} ("${subject}") ${reason.says}${dialledText} (${detail.join('; ')})`, {
    hint: reason.hint,
    data: { subject, issuer, verdict, names },
  });
}

/** The certificate is valid, but names no host. */
export function certificateNameless(whose: string, certificate: PeerCertificate): TunnelError {
  const subject = nameOf(certificate.subject);
  return new TunnelError(
    'E_TUNNEL_CERT_NO_NAME',
    `${whose} ("${subject}") has no DNS name or address among its alternative names`,
    {
      hint: 'A common name does not count. Issue one with `xenferry pki issue --host NAME-OR-IP`, or with subjectAltName where another authority issues it.',
      data: { subject },
    },
  );
}

/** The client showed no certificate at all. */
export function certificateMissing(whose: string): TunnelError {
  return new TunnelError('E_TUNNEL_CERT_REQUIRED', `${whose} showed no certificate, and one is required`, {
    hint: 'Give the client a folder made by `xenferry pki issue` (ca.pem, cert.pem, key.pem).',
  });
}
