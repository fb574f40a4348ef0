import type { DomainEvent } from '../../host/events/event.js';
import { EVENTS } from '../wire/procedures.js';
import type { Xdr } from '../wire/xdr.js';
import { encodeXdr } from '../wire/xdr.js';
import { wireDomain } from '../calls/call.js';
import { jobParams } from '../calls/job-calls.js';

/** virDomainEventID: the highest that 11.3 has. A client may register for any of them; some never come here. */
export const LAST_EVENT_ID = 26;
export const EVENT_ID = { lifecycle: 0, reboot: 1, trayChange: 10, jobCompleted: 21, metadataChange: 23 } as const;

/** virDomainMetadataType. */
const METADATA = { description: 0, title: 1, element: 2 } as const;
/** virDomainEventTrayChangeReason: opened. */
const TRAY_OPENED = 0;

type Lifecycle = Extract<DomainEvent['what'], { type: 'lifecycle' }>['change'];

/** virDomainEventType, and the details of each, by this host's words. */
const LIFECYCLE: Readonly<Record<Lifecycle['event'], readonly [number, Readonly<Record<string, number>>]>> = {
  defined: [0, { added: 0, updated: 1, renamed: 2 }],
  undefined: [1, { removed: 0, renamed: 1 }],
  started: [2, { booted: 0, migrated: 1, restored: 2, wakeup: 4 }],
  suspended: [3, { paused: 0, migrated: 1 }],
  resumed: [4, { unpaused: 0, migrated: 1 }],
  pmsuspended: [7, { memory: 0, disk: 1 }],
  stopped: [5, { shutdown: 0, destroyed: 1, crashed: 2, migrated: 3, saved: 4, failed: 5, unknown: 0 }],
  crashed: [8, { panicked: 0 }],
};

/** A message for one callback of a client. */
export interface EventMessage {
  readonly procedure: number;
  readonly payload: Buffer;
}

function message<T>({ number, body }: { readonly number: number; readonly body: Xdr<T> }, value: T): EventMessage {
  return { procedure: number, payload: encodeXdr(body, value) };
}

/** Which of libvirt's events this is; undefined: none. */
export function eventIdOf(event: DomainEvent): number | undefined {
  switch (event.what.type) {
    case 'lifecycle':
      return EVENT_ID.lifecycle;
    case 'reboot':
      return EVENT_ID.reboot;
    case 'tray-change':
      return EVENT_ID.trayChange;
    case 'metadata-change':
      return EVENT_ID.metadataChange;
    case 'job':
      return event.what.operation === 'modify' ? undefined : EVENT_ID.jobCompleted;
    default:
      return undefined;
  }
}

/** The message that tells a client's callback of an event; undefined where there is none for it. */
export function messageOf(event: DomainEvent, callbackId: number): EventMessage | undefined {
  const dom = wireDomain({ name: event.domain, uuid: event.uuid, id: event.id });
  const { what } = event;
  switch (what.type) {
    case 'lifecycle': {
      const [number, details] = LIFECYCLE[what.change.event];
      const detail = details[what.change.detail] ?? 0;
      return message(EVENTS.callbackLifecycle, { callbackId, msg: { dom, event: number, detail } });
    }
    case 'reboot':
      return message(EVENTS.callbackReboot, { callbackId, msg: { dom } });
    case 'tray-change':
      return message(EVENTS.callbackTrayChange, { callbackId, msg: { dom, alias: what.device, reason: TRAY_OPENED } });
    case 'metadata-change':
      return message(EVENTS.callbackMetadataChange, { callbackId, dom, type: METADATA[what.of], uri: what.uri });
    case 'job':
      return message(EVENTS.callbackJobCompleted, {
        callbackId,
        dom,
        params: jobParams({
          type: what.result,
          operation: what.operation,
          elapsedMs: what.elapsedMs,
          ...(what.error === undefined ? {} : { error: what.error }),
        }),
      });
    default:
      return undefined;
  }
}

/** The same for a client of before callbacks had numbers: lifecycle only. */
export function plainLifecycle(event: DomainEvent): EventMessage | undefined {
  if (event.what.type !== 'lifecycle') return undefined;
  const [number, details] = LIFECYCLE[event.what.change.event];
  const dom = wireDomain({ name: event.domain, uuid: event.uuid, id: event.id });
  return message(EVENTS.lifecycle, { dom, event: number, detail: details[event.what.change.detail] ?? 0 });
}
