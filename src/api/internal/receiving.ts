export { PrivateSocket } from '../../host/jobs/private-socket.js';
export { laneThreads } from '../../migration/connect/lane-threads.js';
export { MigrationServer } from '../../migration/server/migration-server.js';
export type { Link } from '../../tunnel/link.js';
export { LaneSocket } from '../../tunnel/ssh/lane-socket.js';
export { StdioDuplex } from '../../tunnel/ssh/stdio-duplex.js';
export type { LinkThreads } from '../../tunnel/threads/link-threads.js';
