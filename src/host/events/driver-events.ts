import type { EndedJob } from '../jobs/job.js';
import type { LifecycleParticipant } from '../participants/lifecycle-participant.js';
import type { ToldEvent } from './event.js';
import type { HostEvents } from './host-events.js';

/** The event for the end of a long job. */
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

/** Emits an event for every change to a domain. */
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
