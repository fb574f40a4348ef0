export { PrivateSocket } from '../../host/jobs/private-socket.js';
export { trustedTlsDir } from '../../migration/connect/trusted-tls-dir.js';
export { RecoveryLoop } from '../../migration/recover/recovery-loop.js';
export { DaemonWatch } from '../../operations/watch/daemon-watch.js';
export { RefusalLog } from '../../tunnel/refusal-log.js';
export { RECEIVE_SOCKET_PATH } from '../../tunnel/ssh/receive-socket-path.js';
export type { TlsCredentials } from '../../tunnel/tls-credentials.js';
export { listenTls } from '../../tunnel/tls-listener.js';
