export { hasDomainsToWatch, type MonitorEnd, runMonitor } from '../../operations/watch/monitor.js';
