import type { EndedJob } from '../jobs/job.js';
import type { LifecycleParticipant } from '../participants/lifecycle-participant.js';
import type { ToldEvent } from './event.js';
import type { HostEvents } from './host-events.js';

/** The event that a long job's end is. */
export function jobEvent(job: EndedJob): ToldEvent {
  return {
    domain: job.domain ?? job.uuid,
    uuid: job.uuid,
    what: {
      type: 'job',
      operation: job.operation ?? 'modify',
      result: job.type,
      elapsedMs: job.elapsedMs ?? 0,
      ...(job.error === undefined ? {} : { error: job.error }),
    },
  };
}

/** Tells of every change that the driver makes to a domain. */
export function eventParticipant(events: HostEvents): LifecycleParticipant {
  return {
    name: 'events',
    changed: ({ uuid, name, domid, change }) => {
      events.tell({
        domain: name,
        uuid,
        ...(domid === undefined ? {} : { id: domid }),
        what: { type: 'lifecycle', change },
      });
    },
  };
}
