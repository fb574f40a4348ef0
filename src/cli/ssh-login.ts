import { SshRules } from '../host/access/ssh-rules.js';
import { configOf } from './config.js';
import type { ConfigOptions } from './config-file.js';
import { sshLogin } from './ssh-peer.js';

/**
 * Refuses whoever this host's configuration does not let bring guests by ssh.
 * @throws RefusedError `E_REFUSED_NOT_ALLOWED`; UsageError `E_USAGE_ALLOW`
 */
export function checkSshLogin(options: ConfigOptions): void {
  new SshRules(configOf(options).allowSsh ?? []).check(sshLogin());
}
