export { interfaceAddresses, type LentAddress } from '../../operations/addresses/interface-addresses.js';
export { diskStatistics, type DiskStatistics } from '../../operations/statistics/disk-statistics.js';
export { interfaceStatistics } from '../../operations/statistics/interface-statistics.js';
export { memoryStatistics } from '../../operations/statistics/memory-statistics.js';
