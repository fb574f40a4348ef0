export type { StageCounts } from '../../source/report.js';
