import { availableParallelism } from 'node:os';
import { UsageError } from '../../errors/errors.js';
import { makeOneTimeCertificate } from '../../pki/one-time.js';
import { duplicateFd } from '../../posix/libc.js';
import type { KeepaliveOptions } from '../../tunnel/keepalive.js';
import type { Dialer } from '../../tunnel/link.js';
import { SshDialer, type SshDialerOptions } from '../../tunnel/ssh/ssh-dialer.js';
import { RECEIVE_SOCKET_PATH } from '../../tunnel/ssh/receive-socket-path.js';
import type { SshEnvironment } from '../../tunnel/ssh/ssh-files.js';
import { resolveSshTarget } from '../../tunnel/ssh/ssh-target.js';
import type { OneTimeCredentials } from '../../tunnel/ssh/tls-lanes.js';
import { LinkThreads } from '../../tunnel/threads/link-threads.js';
import { TlsDialer } from '../../tunnel/tls-dialer.js';
import { DEFAULT_PORT, type DestinationUri } from '../../host/config/uri.js';
import { trustedTlsDir } from './trusted-tls-dir.js';

/** More than these the main thread cannot keep busy; each costs some 60 MiB when it receives at full speed. */
const MAX_LANE_THREADS = 4;

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
  readonly onNotice: (text: string) => void;
}

/** A destination that speaks our own protocol. */
export type TunnelUri = DestinationUri & { readonly transport: 'tls' | 'ssh' };

/** A certificate for one run, trusted by nobody but whom ssh tells of it. */
export function makeOneTimeCredentials(): Promise<OneTimeCredentials> {
  return Promise.resolve(makeOneTimeCertificate(new Date()));
}

/** The dialer for a destination. Whoever opens it disposes it. */
export function openDialer(uri: TunnelUri, options: DialerOptions): Dialer {
  switch (uri.transport) {
    case 'tls':
      const { tlsDir } = options;
      if (tlsDir === undefined) {
        throw new UsageError('E_USAGE_TLS_DIR', `${uri.text} needs certificates`, {
          hint: 'Name their folder with --tls-dir DIR; `xenferry pki issue` makes one.',
        });
      }
      return withThreads((threads) => {
        const credentials = trustedTlsDir(tlsDir);
        return new TlsDialer(
          { host: uri.host, port: uri.port ?? DEFAULT_PORT, credentials, keepalive: options.keepalive },
          threads?.openLink,
        );
      });
    case 'ssh':
      return openSshDialer(uri, options);
  }
}

/**
 * Threads for lanes: one core is left to the main thread, which has as much to do. Undefined where there is no other core: a thread
 * would only add its own work. Nothing is started before it is needed.
 */
export function laneThreads(cores = availableParallelism()): LinkThreads | undefined {
  return cores === 1 ? undefined : new LinkThreads(Math.min(cores - 1, MAX_LANE_THREADS), duplicateFd);
}

/** A dialer whose lanes live in threads, which end with it. */
function withThreads<T extends Dialer>(open: (threads: LinkThreads | undefined) => T): T {
  const threads = laneThreads();
  const dialer = open(threads);
  if (threads === undefined) return dialer;
  const dispose = dialer[Symbol.asyncDispose].bind(dialer);
  dialer[Symbol.asyncDispose] = async () => {
    await dispose();
    threads[Symbol.dispose]();
  };
  return dialer;
}

function openSshDialer(uri: TunnelUri, { ssh, keepalive, onNotice }: DialerOptions): Dialer {
  const target = resolveSshTarget(
    {
      host: uri.host,
      ...(uri.user === undefined ? {} : { user: uri.user }),
      ...(uri.port === undefined ? {} : { port: uri.port }),
    },
    ssh.environment,
  );
  const options = (tls?: SshDialerOptions['tls']): SshDialerOptions => ({
    onNotice,
    ...(keepalive === undefined ? {} : { keepalive, ...keepalive }),
    // Whoever names a command means that one, with its host and its state.
    ...(ssh.remoteCommand === undefined ? { door: RECEIVE_SOCKET_PATH } : { remoteCommand: ssh.remoteCommand }),
    ...(ssh.startMs === undefined ? {} : { startMs: ssh.startMs }),
    ...(ssh.askPassphrase === undefined ? {} : { askPassphrase: ssh.askPassphrase }),
    ...(tls === undefined ? {} : { tls }),
  });
  if (ssh.channelsOnly) return new SshDialer(target, options());
  return withThreads(
    (threads) =>
      new SshDialer(
        target,
        options({ makeCredentials: makeOneTimeCredentials, openLink: threads?.openLink, keepalive }),
      ),
  );
}
