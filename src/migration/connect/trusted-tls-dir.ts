import { openTrusted } from '../../posix/trusted-path.js';
import { loadTlsDir, type TlsCredentials } from '../../tunnel/tls-credentials.js';

/**
 * A host's certificate, key, authority and revocation list, from files that only root and the user who runs this can have written.
 * @throws UntrustedPathError; else as `loadTlsDir` does
 */
export function trustedTlsDir(dir: string): TlsCredentials {
  return loadTlsDir(dir, new Date(), openTrusted);
}
