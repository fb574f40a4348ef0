import { userInfo } from 'node:os';
import process from 'node:process';
import {
  keysOfUserAuth,
  MAX_USER_AUTH_BYTES,
  type SshLogin,
  readBounded,
  type PeerIdentity,
} from '../api/internal/ssh.js';

/** The ssh login that started this process, by sshd's environment and the kernel. */
export function sshLogin(): SshLogin {
  const { SSH_USER_AUTH: file } = process.env;
  const text = file === undefined ? undefined : readBounded(file, MAX_USER_AUTH_BYTES);
  return { user: userInfo().username, keys: text === undefined ? [] : keysOfUserAuth(text) };
}

/** The login as the peer of a link. */
export function sshPeer(): PeerIdentity {
  const [address, port] = (process.env.SSH_CONNECTION ?? '').split(' ');
  const where = address === '' ? 'standard input' : `${address}:${port}`;
  const { user, keys } = sshLogin();
  // More than one if sshd requires several.
  const key = keys.join(' ');
  return { transport: 'ssh', name: `${user}@ssh`, ...(key === '' ? {} : { key }), address: where };
}
