import type { Dialer } from '../../tunnel/link.js';
import { RECEIVE_SOCKET_PATH } from '../../tunnel/ssh/receive-socket-path.js';
import { SshDialer, type SshDialerOptions } from '../../tunnel/ssh/ssh-dialer.js';
import type { SshEnvironment } from '../../tunnel/ssh/ssh-files.js';
import { resolveSshTarget, type SshTarget } from '../../tunnel/ssh/ssh-target.js';
import type { DestinationUri } from '../../host/config/uri.js';
import type { DialerOptions, TunnelUri } from './dialer-options.js';
import { withThreads } from './lane-threads.js';
import { makeOneTimeCredentials } from './one-time-credentials.js';

/* What only destinations over ssh need: loaded for them alone, since ssh2 is a large package. */

/** Where a URI leads, by the ssh configuration of its user. */
export function sshTargetOf({ host, user, port }: DestinationUri, environment: SshEnvironment): SshTarget {
  return resolveSshTarget(
    { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) },
    environment,
  );
}

/** A dialer for an ssh destination that speaks xenferry's protocol. The caller disposes it. */
export function openSshDialer(uri: TunnelUri, { ssh, keepalive, onNotice, threads: shared }: DialerOptions): Dialer {
  const target = sshTargetOf(uri, ssh.environment);
  const options = (tls?: SshDialerOptions['tls']): SshDialerOptions => ({
    onNotice,
    ...(keepalive === undefined ? {} : { keepalive, ...keepalive }),
    // A command that is named stands for itself, with its own host and state.
    ...(ssh.remoteCommand === undefined ? { door: RECEIVE_SOCKET_PATH } : { remoteCommand: ssh.remoteCommand }),
    ...(ssh.startMs === undefined ? {} : { startMs: ssh.startMs }),
    ...(ssh.askPassphrase === undefined ? {} : { askPassphrase: ssh.askPassphrase }),
    ...(tls === undefined ? {} : { tls }),
  });
  if (ssh.channelsOnly) return new SshDialer(target, options());
  return withThreads(
    shared,
    (threads) =>
      new SshDialer(
        target,
        options({ makeCredentials: makeOneTimeCredentials, openLink: threads?.openLink, keepalive }),
      ),
  );
}
