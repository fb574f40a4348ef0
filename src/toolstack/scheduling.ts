import { RefusedError, ToolstackError } from '../errors/errors.js';
import type { Domid } from './domid.js';
import type { Scheduling, SchedulingChange } from './toolstack.js';

/** libxl's names of schedulers (libxl_types.idl, `scheduler`). */
export const SCHEDULERS = ['sedf', 'credit', 'credit2', 'arinc653', 'rtds', 'null'] as const;

export const MIN_WEIGHT = 1;
export const MAX_WEIGHT = 65_535;

/** The highest cap of a domain with this maximum number of processors, in percent of one. */
export function maxCap(vcpus: number): number {
  return 100 * vcpus;
}

/** The scheduler, if it has weight and cap. @throws RefusedError `E_REFUSED_UNSUPPORTED`, naming it */
export function byWeight(scheduler: string, id: Domid): Scheduling['scheduler'] {
  if (scheduler === 'credit' || scheduler === 'credit2') return scheduler;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `domain ${id} is scheduled by ${scheduler}, which has no weight and cap: only credit and credit2 have`,
    {
      hint: '`xl cpupool-list` shows the scheduler of each pool of processors; Xen takes that of the first from sched= on its command line.',
      data: { scheduler, domid: id },
    },
  );
}

/**
 * Refuses numbers that libxl itself would take for «unchanged» (-1), or cut to 32 bits.
 * @throws ToolstackError `E_TOOLSTACK_INVAL` for a weight or cap that the domain cannot have
 */
export function checkScheduling(id: Domid, { weight, cap }: SchedulingChange, vcpus: number): void {
  const within = (value: number, min: number, max: number): boolean =>
    Number.isInteger(value) && value >= min && value <= max;
  if (weight !== undefined && !within(weight, MIN_WEIGHT, MAX_WEIGHT)) {
    throw invalid(id, `domain ${id} cannot have weight ${weight}: ${MIN_WEIGHT} to ${MAX_WEIGHT}`);
  }
  if (cap !== undefined && !within(cap, 0, maxCap(vcpus))) {
    throw invalid(id, `domain ${id} cannot have cap ${cap}: 0 (none) to ${maxCap(vcpus)}`);
  }
}

function invalid(id: Domid, message: string): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_INVAL', message, {
    hint: 'Choose a whole number in between.',
    data: { domid: id },
  });
}
