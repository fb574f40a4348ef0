import type { KeepaliveOptions } from './keepalive.js';
import type { FramedLink } from './lane-link.js';
import type { TlsCredentials } from './tls-credentials.js';

/** The address to dial, and the expected peer. Plain data, so that it can be sent to a thread. */
export interface TlsDialerOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: TlsCredentials;
  /** Name or address that the server's certificate must be good for; `host` where absent. */
  readonly expectedHost?: string;
  /** SHA-256 of the server's certificate, as `AA:BB:…`: then no other certificate will do, and no name is compared. */
  readonly expectedFingerprint?: string;
  readonly connectMs?: number;
  /** Of its links; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
}

/** Opens a link that lives elsewhere than in this thread. Rejects as `TlsDialer.dial` does. */
export type OpenLink = (to: TlsDialerOptions, keepalive: KeepaliveOptions, signal: AbortSignal) => Promise<FramedLink>;
