import type { SshLogin } from '../../host/access/ssh-rules.js';
import type { Migrated } from '../../migration/migrate.js';
import type { MigrationFacts } from '../../migration/migration-error.js';
import type { WireError } from '../../errors/wire.js';
import type { ProgressEvent } from '../../source/report.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import type { ConfigFile } from '../config-file.js';
import type { Asker } from '../dialing-options.js';
import type { MigrateOptions } from '../migrate/options.js';

/*
 * What goes over a daemon's socket: lines of JSON. The daemon says who it is; the client has its arguments parsed or a socket opened, which ends the
 * conversation, or gives one order; then the daemon tells how it goes, and how it ended. Both are one program of one release on one host, of one user.
 */

/** Two files of domain XML, of a mebibyte each, as text in JSON. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** The socket in a host's state folder. */
export const DAEMON_SOCKET = 'serve.sock';

/** Who has come by ssh, to a process that hands the connection over. */
export interface Visitor {
  readonly peer: PeerIdentity;
  readonly login: SshLogin;
  /** The configuration that holds for that process: it may let in fewer than the daemon's. */
  readonly config: ConfigFile;
}

export type DaemonMessage =
  | { readonly say: 'hello'; readonly version: string; readonly uri: string }
  /** The options of a `migrate`; without them, the client is to read its words itself. */
  | { readonly say: 'parsed'; readonly options?: unknown }
  /** The socket that the bytes of an ssh connection are to be joined to. */
  | { readonly say: 'door'; readonly path: string }
  | { readonly say: 'progress'; readonly event: ProgressEvent }
  | { readonly say: 'notice'; readonly text: string }
  /** Wants a passphrase; to be answered with the same number. */
  | { readonly say: 'ask'; readonly id: number; readonly file: string }
  | { readonly say: 'done'; readonly migrated: Migrated }
  | {
      readonly say: 'failed';
      readonly error: WireError;
      /** What the verb would have ended with. */
      readonly exitCode: number;
      /** Of a migration that had begun. */
      readonly facts?: MigrationFacts;
    };

export type ClientMessage =
  /** What stands behind `xenferry` on a command line. */
  | { readonly say: 'parse'; readonly words: readonly string[] }
  /** The client was started by sshd, as `receive`, and has this connection. */
  | ({ readonly say: 'receive' } & Visitor)
  | {
      readonly say: 'migrate';
      readonly options: MigrateOptions;
      readonly environment: Asker['environment'];
      readonly wantsProgress: boolean;
      /** A person is there who can be asked for a passphrase. */
      readonly canAsk: boolean;
    }
  | { readonly say: 'cancel'; readonly why: string }
  | { readonly say: 'hurry'; readonly why: string }
  | { readonly say: 'answer'; readonly id: number; readonly text: string | undefined };

export function messageLine(word: DaemonMessage | ClientMessage): string {
  return `${JSON.stringify(word)}\n`;
}

/** The URI of a host, as both sides write it. */
export function uriText(uri: { readonly kind: 'xen' } | { readonly kind: 'embedded'; readonly dir: string }): string {
  return uri.kind === 'xen' ? 'xen:///system' : `embedded://${uri.dir}`;
}
