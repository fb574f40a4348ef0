import { hrtime } from 'node:process';

/** CLOCK_MONOTONIC in ms with fractions: the same for every process of this machine, and it cannot be set. */
export function monotonicMs(): number {
  return Number(hrtime.bigint()) / 1e6;
}
