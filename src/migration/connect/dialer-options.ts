import type { DestinationUri } from '../../host/config/uri.js';
import type { KeepaliveOptions } from '../../tunnel/keepalive.js';
import type { SshEnvironment } from '../../tunnel/ssh/ssh-files.js';
import type { LinkThreads } from '../../tunnel/threads/link-threads.js';

/** How destinations are dialled. */
export interface DialerOptions {
  /** Folder with ca.pem, cert.pem and key.pem; needed for xen+tls. */
  readonly tlsDir?: string | undefined;
  readonly ssh: {
    readonly environment: SshEnvironment;
    /** Keep the data on ssh channels, too, instead of separate TLS lanes. */
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
