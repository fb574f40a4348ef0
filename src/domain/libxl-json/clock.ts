import type { Clock, Timer } from '../definition/clock.js';
import type { ReadConfig } from './schema.js';

const TSC_MODE_OF = {
  default: undefined,
  native: 'native',
  native_paravirt: 'paravirt',
  always_emulate: 'emulate',
} as const;

/** `rtc_timeoffset`, `localtime`, `tsc_mode` and `type.hvm.hpet`. */
export function readClockFields(built: ReadConfig['b_info']): Clock {
  // Signed seconds, which the JSON represents without a sign.
  const seconds = built.rtc_timeoffset | 0;
  const basis = built.localtime === true ? 'localtime' : 'utc';
  const mode = TSC_MODE_OF[built.tsc_mode];
  const hpet = built['type.hvm']?.hpet;
  const timer = (name: Timer['name'], fields: Partial<Timer>): Timer => ({
    name,
    present: undefined,
    mode: undefined,
    tickPolicy: undefined,
    ...fields,
  });
  return {
    base: seconds === 0 ? { offset: basis, reset: false } : { offset: 'variable', adjustmentSeconds: seconds, basis },
    timers: [
      ...(mode === undefined ? [] : [timer('tsc', { mode })]),
      ...(hpet === undefined ? [] : [timer('hpet', { present: hpet })]),
    ],
  };
}
