import { UsageError } from '../../errors/errors.js';
import type { KeepaliveOptions } from '../../tunnel/keepalive.js';
import type { Dialer } from '../../tunnel/link.js';
import type { SshEnvironment } from '../../tunnel/ssh/ssh-files.js';
import type { LinkThreads } from '../../tunnel/threads/link-threads.js';
import { TlsDialer } from '../../tunnel/tls-dialer.js';
import { DEFAULT_PORT, type DestinationUri } from '../../host/config/uri.js';
import { withThreads } from './lane-threads.js';
import { trustedTlsDir } from './trusted-tls-dir.js';

export interface DialerOptions {
  /** Folder with ca.pem, cert.pem and key.pem; needed for xen+tls. */
  readonly tlsDir?: string | undefined;
  readonly ssh: {
    readonly environment: SshEnvironment;
    /** Keep the data on ssh channels, too, instead of TLS lanes beside them. */
    readonly channelsOnly: boolean;
    readonly remoteCommand?: string | undefined;
    /** How long the far program may take to start. */
    readonly startMs?: number | undefined;
    readonly askPassphrase?: ((file: string) => Promise<string | undefined>) | undefined;
  };
  /** How connections show that they are alive; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
  /** Threads of the caller's for the lanes, kept for the next destination; absent: threads of the dialer's own. */
  readonly threads?: LinkThreads | undefined;
  readonly onNotice: (text: string) => void;
}

/** A destination that speaks our own protocol. */
export type TunnelUri = DestinationUri & { readonly transport: 'tls' | 'ssh' };

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
