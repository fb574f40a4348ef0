import { UsageError } from '../errors/errors.js';
import type { Dialer } from '../tunnel/link.js';
import { loadTlsDir } from '../tunnel/tls-credentials.js';
import { TlsDialer } from '../tunnel/tls-dialer.js';
import { DEFAULT_PORT, type DestinationUri } from './uri.js';

export interface DialerOptions {
  /** Folder with ca.pem, cert.pem and key.pem; needed for xen+tls. */
  readonly tlsDir?: string | undefined;
}

/** The dialer for a destination. Whoever opens it disposes it. */
export function openDialer(uri: DestinationUri, options: DialerOptions): Dialer {
  switch (uri.transport) {
    case 'tls':
      if (options.tlsDir === undefined) {
        throw new UsageError('E_USAGE_TLS_DIR', `${uri.text} needs certificates`, {
          hint: 'Name their folder with --tls-dir DIR; `xenferry pki issue` makes one.',
        });
      }
      return new TlsDialer({ host: uri.host, port: uri.port ?? DEFAULT_PORT, credentials: loadTlsDir(options.tlsDir) });
    case 'ssh':
      throw new UsageError('E_USAGE_URI', 'xen+ssh:// is not part of this release', {
        hint: 'Run `xenferry serve` at the destination and use xen+tls://HOST/system.',
      });
  }
}
