import { createHash } from 'node:crypto';
import { RefusedError, UsageError } from '../../errors/errors.js';

const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?$/;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** A file of sshd with a line for each key and method: a few hundred bytes. */
export const MAX_USER_AUTH_BYTES = 64 * 1024;
const MAX_LINES = 64;

/** An ssh login: the user that sshd authenticated, and the keys that were used. */
export interface SshLogin {
  readonly user: string;
  /** As `ssh-keygen -l` prints them. Empty if sshd does not provide them (`ExposeAuthInfo`). */
  readonly keys: readonly string[];
}

/**
 * Who may send guests by ssh. sshd decides who may log in; these rules decide which logins may start `receive` and
 * `migrate-receive`: users by name, keys by fingerprint, either is enough. They bind a login that can start nothing
 * else (`command=` in its `authorized_keys`, or a user with that as the shell); a login with a root shell can bypass
 * them.
 */
export class SshRules {
  readonly #allowed: ReadonlySet<string>;

  /**
   * @param entries empty: every login that sshd accepts
   * @throws UsageError `E_USAGE_ALLOW`
   */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      if (USER.test(entry) || FINGERPRINT.test(entry)) continue;
      throw new UsageError('E_USAGE_ALLOW', `allow_ssh: ${JSON.stringify(entry)} is neither a user nor a key`, {
        hint: 'Use the name of a user of this host, or a fingerprint as `ssh-keygen -lf KEY.pub` prints it: SHA256:...',
      });
    }
    this.#allowed = new Set(entries);
  }

  /** Checks that a login may send guests. @throws RefusedError `E_REFUSED_NOT_ALLOWED` */
  check({ user, keys }: SshLogin): void {
    if (this.#allowed.size === 0 || [user, ...keys].some((name) => this.#allowed.has(name))) return;
    const shown = keys.length === 0 ? 'no key reported by sshd' : keys.join(', ');
    throw new RefusedError('E_REFUSED_NOT_ALLOWED', `${user} (${shown}) may not send guests to this host by ssh`, {
      hint: 'Name the user or the key in allow_ssh of this host; keys are known if sshd has `ExposeAuthInfo yes`.',
      data: { user, keys: [...keys] },
    });
  }
}

/**
 * The keys in the file that sshd names in SSH_USER_AUTH: a method per line, `publickey TYPE BASE64` (sshd_config(5),
 * ExposeAuthInfo). Other lines are ignored: they contain no key.
 */
export function keysOfUserAuth(text: string): string[] {
  const keys: string[] = [];
  for (const line of text.split('\n').slice(0, MAX_LINES)) {
    const blob = /^publickey [A-Za-z0-9@.-]+ ([A-Za-z0-9+/]+={0,2})$/.exec(line.trim())?.[1];
    if (blob === undefined) continue;
    const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
    keys.push(`SHA256:${digest.replaceAll('=', '')}`);
  }
  return keys;
}
