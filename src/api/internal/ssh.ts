export { keysOfUserAuth, MAX_USER_AUTH_BYTES, type SshLogin, SshRules } from '../../host/access/ssh-rules.js';
export { readBounded } from '../../posix/durable-file.js';
export type { PeerIdentity } from '../../tunnel/peer-identity.js';
export { type SshEnvironment, variablesOfConfig } from '../../tunnel/ssh/ssh-files.js';
