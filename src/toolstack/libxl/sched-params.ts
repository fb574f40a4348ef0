import { z } from '../../errors/zod.js';
import { parseBigJson } from './big-json.js';

/** What of libxl_domain_sched_params counts for the schedulers that go by weight. */
export interface SchedParams {
  /** Undefined: not said; libxl then takes that of the domain's pool. */
  readonly sched?: string | undefined;
  readonly weight?: number | undefined;
  readonly cap?: number | undefined;
}

/** libxl's -1 is «not said». */
const figure = z
  .int()
  .optional()
  .transform((value) => (value === undefined || value < 0 ? undefined : value));
const schedParamsSchema = z.object({
  sched: z
    .string()
    .optional()
    .transform((name) => (name === 'unknown' ? undefined : name)),
  weight: figure,
  cap: figure,
});

export function parseSchedParams(json: string): SchedParams {
  return schedParamsSchema.parse(parseBigJson(json));
}

/** libxl's reader leaves what is not in the text as the structure was initialised: not said, so that it stays (libxl_types.idl). */
export function formatSchedParams({ sched, weight, cap }: SchedParams): string {
  return JSON.stringify({ sched, weight, cap });
}
