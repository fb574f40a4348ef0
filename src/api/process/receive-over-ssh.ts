import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { makeOneTimeCredentials } from '../../migration/connect/one-time-credentials.js';
import type { MigrationServer } from '../../migration/server/migration-server.js';
import { makeFolder } from '../../posix/folder.js';
import { makePrivateFolder } from '../../posix/private-folder.js';
import { trustFolder } from '../../posix/trusted-path.js';
import type { Link } from '../../tunnel/link.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { RefusalLog } from '../../tunnel/refusal-log.js';
import { ReceivingEnd } from '../../tunnel/ssh/receiving-end.js';
import type { LinkThreads } from '../../tunnel/threads/link-threads.js';

/** The receiver of links over ssh. */
export interface SshReceiveOptions {
  readonly migrationServer: Pick<MigrationServer, 'accept' | 'acceptFramed'>;
  /** Threads for the lanes, if given. */
  readonly threads: LinkThreads | undefined;
  readonly log: (line: string) => void;
}

/**
 * Receives guests over one ssh connection and its lanes. Resolves when none of its links is open any more and no
 * conversation waits for one. Rejects as `ReceivingEnd.open` does.
 * @param stdio the remote program's standard streams; takes ownership
 * @param peer the peer as authenticated by sshd
 */
export async function receiveOverSsh(
  stdio: Duplex,
  peer: PeerIdentity,
  { migrationServer, threads, log }: SshReceiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<Promise<void>>();
  const note = (work: Promise<void>): void => {
    open.add(work);
    void work.then(() => open.delete(work));
  };
  // The lanes' certificates are used once: ssh has authenticated the peer. The token identifies the migration of a lane.
  const onLink = (link: Link): void => {
    note(migrationServer.accept({ peer, duplex: link.duplex, destroy: (error) => link.destroy(error) }));
  };
  using refusals = new RefusalLog(log);
  await using _end = await ReceivingEnd.open(
    {
      stdio,
      runtimeDir: runtimeDir(),
      peer,
      onLink,
      tls: {
        makeCredentials: makeOneTimeCredentials,
        host: '::',
        threads: threads && { pool: threads, onLink: (link) => note(migrationServer.acceptFramed(link)), peer },
        onRefused: refusals.note,
      },
    },
    signal,
  );
  while (open.size > 0) await Promise.all(open);
}

/**
 * A folder for sockets that exist during a migration. XDG_RUNTIME_DIR is used unchanged if only its user and root can have
 * filled it: `sudo -E` may have passed another's on.
 * @throws UntrustedPathError; SystemError `E_SYSTEM_FOLDER_OWNER`
 */
export function runtimeDir(): string {
  const named = process.env.XDG_RUNTIME_DIR;
  if (named !== undefined) {
    makeFolder(named);
    trustFolder(named);
    return named;
  }
  const dir = process.getuid?.() === 0 ? '/run/xenferry' : join(tmpdir(), `xenferry-${userInfo().uid}`);
  makePrivateFolder(dir);
  return dir;
}
