export { logPath } from '../../host/logs/domain-logs.js';
export { LogTail, readLog } from '../../host/logs/follow-log.js';
