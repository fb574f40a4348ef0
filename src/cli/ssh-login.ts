import { userInfo } from 'node:os';
import process from 'node:process';
import { keysOfUserAuth, MAX_USER_AUTH_BYTES, SshRules, type SshLogin } from '../driver/access/ssh-rules.js';
import { readBounded } from '../posix/durable-file.js';
import { configOf } from './config.js';
import type { ConfigOptions } from './config-file.js';

/** Who has started this process by ssh, as sshd's environment and the kernel say. */
export function sshLogin(): SshLogin {
  const { SSH_USER_AUTH: file } = process.env;
  const text = file === undefined ? undefined : readBounded(file, MAX_USER_AUTH_BYTES);
  return { user: userInfo().username, keys: text === undefined ? [] : keysOfUserAuth(text) };
}

/**
 * Refuses whoever this host's configuration does not let bring guests by ssh.
 * @throws RefusedError `E_REFUSED_NOT_ALLOWED`; UsageError `E_USAGE_ALLOW`
 */
export function checkSshLogin(options: ConfigOptions): void {
  new SshRules(configOf(options).allowSsh ?? []).check(sshLogin());
}
