import type { DeviceModelWatch } from './device-model.js';
import { DomainDevices } from './domain-devices.js';
import { DomainLifecycle } from './domain-lifecycle.js';
import { DomainMaking } from './domain-making.js';
import { DomainQueries } from './domain-queries.js';
import { DomainTuning } from './domain-tuning.js';
import type { EventPump } from './event-pump.js';
import { LibxlCalls } from './libxl-calls.js';
import type { LogTap } from './log-tap.js';
import type { LibxlNative } from './native.js';

/** The toolstack contract on top of libxl's calls. Used inside an agent. */
export class LibxlContext {
  readonly queries: DomainQueries;
  readonly lifecycle: DomainLifecycle;
  readonly making: DomainMaking;
  readonly tuning: DomainTuning;
  readonly devices: DomainDevices;

  constructor(native: LibxlNative, pump: EventPump, tap: Pick<LogTap, 'during'>, deviceModel?: DeviceModelWatch) {
    const calls = new LibxlCalls(native, pump, tap);
    this.queries = new DomainQueries(calls);
    this.lifecycle = new DomainLifecycle(calls, this.queries);
    this.making = new DomainMaking(calls, this.queries, this.lifecycle);
    this.tuning = new DomainTuning(calls, this.queries);
    this.devices = new DomainDevices(calls, this.queries, deviceModel);
  }
}
