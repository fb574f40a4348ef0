import { DEFAULT_DEADLINES, type Deadlines } from '../api/internal/deadlines.js';
import { UsageError } from '../api/errors.js';
import type { HostOptions } from '../api/host.js';
import { deadlinesFor, openLocalHost, type LocalHost, type ProcessOptions } from '../api/process/local-host.js';
import { locationOptionsOf, type GlobalOptions } from './global-options.js';
import { printNote } from './output.js';

export type { GlobalOptions } from './global-options.js';

/** `--deadline stall=120`: names without their `Ms`, values in seconds. @throws UsageError `E_USAGE_DEADLINE` */
function givenDeadlines(options: GlobalOptions): Partial<Deadlines> {
  const given: Record<string, number> = {};
  for (const item of options.deadline ?? []) {
    const match = /^([a-z]+)=(\d+(?:\.\d+)?)$/.exec(item);
    const key = `${match?.[1] ?? ''}Ms`;
    if (match === null || !(key in DEFAULT_DEADLINES)) {
      const names = Object.keys(DEFAULT_DEADLINES).map((name) => name.replace(/Ms$/, ''));
      throw new UsageError('E_USAGE_DEADLINE', `--deadline ${item}: not NAME=SECONDS with a known name`, {
        hint: `Names: ${names.join(', ')}.`,
      });
    }
    given[key] = Number(match[2]) * 1000;
  }
  return given;
}

/** A verb's options as the API takes them. @throws UsageError `E_USAGE_DEADLINE` */
export function hostOptionsOf(options: GlobalOptions): HostOptions {
  return { ...locationOptionsOf(options), deadlines: givenDeadlines(options) };
}

/** The deadlines that the options and the configuration set, and the usual ones. */
export function deadlinesOf(options: GlobalOptions): Deadlines {
  return deadlinesFor(hostOptionsOf(options));
}

/** How this process differs from one that runs one verb. */
export interface OpenOptions extends Pick<ProcessOptions, 'isWatching' | 'stays'> {
  /** Receives notes; default: standard error. */
  readonly log?: (line: string) => void;
}

/** The host that the options name. Its opener disposes it. */
export async function openHost(options: GlobalOptions, { log, ...how }: OpenOptions = {}): Promise<LocalHost> {
  return await openLocalHost({
    ...hostOptionsOf(options),
    ...how,
    onWarning: log ?? ((line) => printNote(`warning: ${line}`)),
  });
}
