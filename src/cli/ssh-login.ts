import { SshRules } from '../api/internal/ssh.js';
import { configOf } from '../api/process/config.js';
import type { ConfigOptions } from '../api/options/location.js';
import { sshLogin } from './ssh-peer.js';

/**
 * Refuses a login that this host's configuration does not allow to send guests by ssh.
 * @throws RefusedError `E_REFUSED_NOT_ALLOWED`; UsageError `E_USAGE_ALLOW`
 */
export function checkSshLogin(options: ConfigOptions): void {
  new SshRules(configOf(options).allowSsh ?? []).check(sshLogin());
}
