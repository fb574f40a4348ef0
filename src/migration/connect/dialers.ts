import { UsageError } from '../../errors/errors.js';
import type { Dialer } from '../../tunnel/link.js';
import { TlsDialer } from '../../tunnel/tls-dialer.js';
import { DEFAULT_PORT } from '../../host/config/uri.js';
import type { DialerOptions, TunnelUri } from './dialer-options.js';
import { withThreads } from './lane-threads.js';
import { trustedTlsDir } from './trusted-tls-dir.js';

/** The dialer for a destination. The caller disposes it. Rejects with `UsageError` where the options do not suit the URI. */
export async function openDialer(uri: TunnelUri, options: DialerOptions): Promise<Dialer> {
  if (uri.transport === 'ssh') return (await import('./ssh-dialers.js')).openSshDialer(uri, options);
  const { tlsDir, keepalive } = options;
  if (tlsDir === undefined) {
    throw new UsageError('E_USAGE_TLS_DIR', `${uri.text} needs certificates`, {
      hint: 'Name their folder with --tls-dir DIR; `xenferry pki issue` makes one.',
    });
  }
  return withThreads(
    options.threads,
    (threads) =>
      new TlsDialer(
        { host: uri.host, port: uri.port ?? DEFAULT_PORT, credentials: trustedTlsDir(tlsDir), keepalive },
        threads?.openLink,
      ),
  );
}
