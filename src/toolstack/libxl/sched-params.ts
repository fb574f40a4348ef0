import { z } from '../../errors/zod.js';
import { parseBigJson } from './big-json.js';

/** The part of libxl_domain_sched_params for schedulers with weights. */
export interface SchedParams {
  /** Undefined: not set; libxl then uses that of the domain's pool. */
  readonly sched?: string | undefined;
  readonly weight?: number | undefined;
  readonly cap?: number | undefined;
}

/** libxl's -1 means «not set». */
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

/** Parses libxl_domain_sched_params. */
export function parseSchedParams(json: string): SchedParams {
  return schedParamsSchema.parse(parseBigJson(json));
}

/**
 * The parameters as JSON. Absent values stay as the structure was initialised: not set, so that they are unchanged
 * (libxl_types.idl).
 */
export function formatSchedParams({ sched, weight, cap }: SchedParams): string {
  return JSON.stringify({ sched, weight, cap });
}
