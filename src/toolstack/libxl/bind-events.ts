import koffi from '../../posix/koffi.js';
import { ToolstackError } from '../../errors/errors.js';
import { allocate, free, viewOf } from './c-memory.js';
import { onThread, type Library } from './foreign.js';

import type { Address, LibxlNative } from './native.js';
import { nameOfReturnCode, RC_OK } from './return-code.js';

/** struct pollfd (poll(2)), and how many libxl may need: a few for each operation and watch. */
const POLLFD_BYTES = 8;
const MOST_POLLFDS = 1024;
const POINTER_BYTES = 8;
/** LIBXL_EVENTMASK_ALL (libxl_event.h). */
const ALL_EVENTS = 0xffff_ffff_ffff_ffffn;

type Events = Pick<
  LibxlNative,
  'watchDeath' | 'unwatchDeath' | 'watchEject' | 'unwatchEject' | 'turn' | 'nextEvent' | 'awaitEvent'
>;

interface Timeval {
  readonly tv_sec: number;
  readonly tv_usec: number;
}

/** libxl's events, and its event loop, which this process runs (libxl_event.h, "poll-like" functions). */
export function bindEvents(libxl: Library, ctx: Address): Events {
  const timeval = koffi.struct({ tv_sec: 'long', tv_usec: 'long' });
  const beforePoll = libxl.func('libxl_osevent_beforepoll', 'int', [
    'void *',
    koffi.inout('int *'),
    'void *',
    koffi.inout('int *'),
    timeval,
  ]) as (...args: [Address, [number], Address, [number], Timeval]) => number;
  const afterPoll = onThread(libxl.func('libxl_osevent_afterpoll', 'void', ['void *', 'int', 'void *', timeval])) as (
    ...args: [Address, number, Address, Timeval]
  ) => Promise<undefined>;
  const poll = onThread(koffi.load('libc.so.6').func('int poll(void *fds, unsigned long count, int timeout)')) as (
    ...args: [Address, number, number]
  ) => Promise<number>;
  const pollfds = allocate(MOST_POLLFDS * POLLFD_BYTES); // for the life of the context

  const check = libxl.func(
    'int libxl_event_check(void *ctx, _Out_ void **event, uint64_t types, void *predicate, void *user)',
  ) as (...args: [Address, [Address | null], bigint, null, null]) => number;
  const wait = onThread(
    libxl.func('int libxl_event_wait(void *ctx, void *event, uint64_t types, void *predicate, void *user)'),
  ) as (...args: [Address, Address, bigint, null, null]) => Promise<number>;
  const toJson = libxl.func('str! libxl_event_to_json(void *ctx, void *event)') as (
    ...args: [Address, Address]
  ) => string | null;
  const freeEvent = libxl.func('void libxl_event_free(void *ctx, void *event)') as (
    ...args: [Address, Address]
  ) => void;
  const enableDeath = libxl.func(
    'int libxl_evenable_domain_death(void *ctx, uint32_t domid, uint64_t user, _Out_ void **watch)',
  ) as (...args: [Address, number, bigint, [Address | null]]) => number;
  const disableDeath = libxl.func('void libxl_evdisable_domain_death(void *ctx, void *watch)') as (
    ...args: [Address, Address]
  ) => void;
  const enableEject = libxl.func(
    'int libxl_evenable_disk_eject(void *ctx, uint32_t domid, str vdev, uint64_t user, _Out_ void **watch)',
  ) as (...args: [Address, number, string, bigint, [Address | null]]) => number;
  const disableEject = libxl.func('void libxl_evdisable_disk_eject(void *ctx, void *watch)') as (
    ...args: [Address, Address]
  ) => void;

  const told = (event: Address): string | undefined => {
    try {
      return toJson(ctx, event) ?? undefined;
    } finally {
      freeEvent(ctx, event);
    }
  };

  return {
    watchDeath: (domid, tag) => {
      const out: [Address | null] = [null];
      return enableDeath(ctx, domid, tag, out) === RC_OK ? (out[0] ?? undefined) : undefined;
    },
    unwatchDeath: (watch) => disableDeath(ctx, watch),
    watchEject: (domid, vdev, tag) => {
      const out: [Address | null] = [null];
      return enableEject(ctx, domid, vdev, tag, out) === RC_OK ? (out[0] ?? undefined) : undefined;
    },
    unwatchEject: (watch) => disableEject(ctx, watch),
    turn: async (timeoutMs) => {
      const count: [number] = [MOST_POLLFDS];
      const timeout: [number] = [timeoutMs];
      const rc = beforePoll(ctx, count, pollfds, timeout, timevalNow());
      if (rc !== RC_OK) throw loopFailed(rc);
      const ready = await poll(pollfds, count[0], timeout[0]);
      // Interrupted by SIGCHLD of a libxl helper: the descriptors have no result, the next turn will.
      if (ready < 0) return;
      await afterPoll(ctx, count[0], pollfds, timevalNow());
    },
    nextEvent: () => {
      const out: [Address | null] = [null];
      if (check(ctx, out, ALL_EVENTS, null, null) !== RC_OK || out[0] === null) return undefined;
      return told(out[0]);
    },
    awaitEvent: async () => {
      const out = allocate(POINTER_BYTES);
      try {
        const rc = await wait(ctx, out, ALL_EVENTS, null, null);
        const text = rc === RC_OK ? told(viewOf(out, POINTER_BYTES).getBigUint64(0, true)) : undefined;
        if (text !== undefined) return text;
        throw loopFailed(rc);
      } finally {
        free(out);
      }
    },
  };
}

function loopFailed(rc: number): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_EVENT_LOOP', `libxl's event loop failed (ERROR_${nameOfReturnCode(rc)})`);
}

function timevalNow(): Timeval {
  const ms = Date.now(); // libxl compares it with gettimeofday(2)
  return { tv_sec: Math.floor(ms / 1000), tv_usec: (ms % 1000) * 1000 };
}
