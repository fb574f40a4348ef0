import { element, type XmlElement } from '../../xml/element.js';
import type { ElementReader } from './element-reader.js';

const TIMER_NAMES = ['tsc', 'hpet', 'rtc', 'pit', 'platform', 'kvmclock', 'hypervclock', 'armvtimer'] as const;
const TIMER_MODES = ['auto', 'native', 'emulate', 'paravirt', 'smpsafe'] as const;
const TICK_POLICIES = ['delay', 'catchup', 'merge', 'discard'] as const;
/** A century each way. */
const MAX_ADJUSTMENT = 100 * 366 * 24 * 3600;

/** A `<timer>` of the clock. */
export interface Timer {
  readonly name: (typeof TIMER_NAMES)[number];
  readonly present: boolean | undefined;
  readonly mode: (typeof TIMER_MODES)[number] | undefined;
  readonly tickPolicy: (typeof TICK_POLICIES)[number] | undefined;
}

export type ClockOffset =
  /** `reset`: the guest's changes to its clock are discarded at its next start. */
  | { readonly offset: 'utc' | 'localtime'; readonly reset: boolean }
  | { readonly offset: 'variable'; readonly adjustmentSeconds: number; readonly basis: 'utc' | 'localtime' }
  | { readonly offset: 'timezone'; readonly timezone: string }
  | { readonly offset: 'absolute'; readonly startSeconds: number };

/** The base of the guest's clock, and its timers. */
export interface Clock {
  readonly base: ClockOffset;
  readonly timers: readonly Timer[];
}

function readOffset(reader: ElementReader): ClockOffset {
  const offset = reader.choice('offset', ['utc', 'localtime', 'variable', 'timezone', 'absolute']) ?? 'utc';
  switch (offset) {
    case 'utc':
    case 'localtime': {
      if (reader.attribute('adjustment') === 'reset') return { offset, reset: true };
      const adjustmentSeconds = reader.integer('adjustment', -MAX_ADJUSTMENT, MAX_ADJUSTMENT);
      if (adjustmentSeconds === undefined) return { offset, reset: false };
      // An adjusted clock, as libvirt interprets it.
      return { offset: 'variable', adjustmentSeconds, basis: offset };
    }
    case 'variable':
      return {
        offset,
        adjustmentSeconds: reader.integer('adjustment', -MAX_ADJUSTMENT, MAX_ADJUSTMENT) ?? 0,
        basis: reader.choice('basis', ['utc', 'localtime']) ?? 'utc',
      };
    case 'timezone':
      return { offset, timezone: reader.need('timezone') };
    case 'absolute':
      return { offset, startSeconds: reader.needInteger('start', 0, Number.MAX_SAFE_INTEGER) };
  }
}

/** Reads `<clock>` of a domain; a domain without one has UTC. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readClock(domain: ElementReader): Clock {
  const clock = domain.child('clock', (reader): Clock => ({
    base: readOffset(reader),
    timers: reader.children('timer', TIMER_NAMES.length, (timer): Timer => ({
      name: timer.needChoice('name', TIMER_NAMES),
      present: timer.yesNo('present'),
      mode: timer.choice('mode', TIMER_MODES),
      tickPolicy: timer.choice('tickpolicy', TICK_POLICIES),
    })),
  }));
  return clock ?? { base: { offset: 'utc', reset: false }, timers: [] };
}

/** The clock as `<clock>`. */
export function writeClock({ base, timers }: Clock): XmlElement {
  const attributes = {
    offset: base.offset,
    ...('reset' in base && base.reset ? { adjustment: 'reset' } : {}),
    ...(base.offset === 'variable' ? { adjustment: base.adjustmentSeconds, basis: base.basis } : {}),
    ...(base.offset === 'timezone' ? { timezone: base.timezone } : {}),
    ...(base.offset === 'absolute' ? { start: base.startSeconds } : {}),
  };
  return element(
    'clock',
    attributes,
    timers.map(({ name, present, mode, tickPolicy }) =>
      element('timer', {
        name,
        present: present === undefined ? undefined : present ? 'yes' : 'no',
        mode,
        tickpolicy: tickPolicy,
      }),
    ),
  );
}
