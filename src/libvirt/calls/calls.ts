import type { Handlers } from './call.js';
import { connectionCalls } from './connection-calls.js';
import { cpuCalls } from './cpu-calls.js';
import { deviceCalls } from './device-calls.js';
import { domainCalls } from './domain-calls.js';
import { jobCalls } from './job-calls.js';
import { listCalls } from './list-calls.js';
import { metadataCalls } from './metadata-calls.js';
import { powerCalls } from './power-calls.js';
import { savingCalls } from './saving-calls.js';
import { statisticsCalls } from './statistics-calls.js';
import { tuningCalls } from './tuning-calls.js';

/** Every procedure that needs nothing but the host. */
export const HOST_CALLS: Handlers = {
  ...connectionCalls,
  ...listCalls,
  ...domainCalls,
  ...powerCalls,
  ...savingCalls,
  ...tuningCalls,
  ...deviceCalls,
  ...cpuCalls,
  ...statisticsCalls,
  ...jobCalls,
  ...metadataCalls,
};
