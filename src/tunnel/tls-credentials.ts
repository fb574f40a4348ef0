import { TunnelError } from '../errors/errors.js';

/** What one host proves itself with, as PEM texts. */
export interface TlsCredentials {
  /** The authority that both hosts trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Revoked certificates; where it is given, one that is on it is refused. */
  readonly crl?: string;
}

/** OpenSSL would not take the credentials. */
export function credentialsError(cause: unknown): TunnelError {
  return new TunnelError('E_TUNNEL_CREDENTIALS', 'the certificate, its key or the authority cannot be used', {
    cause,
    hint: 'Make them anew with `xenferry pki issue`.',
  });
}
