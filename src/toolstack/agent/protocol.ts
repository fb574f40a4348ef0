import { z } from '../../errors/zod.js';
import { printableText } from '../../errors/text-schema.js';

/**
 * The protocol between an agent and its parent, as lines of JSON: requests on the agent's standard input, answers
 * and events on its descriptor 3. Numbers tie an answer to its request; 0 is never used.
 */

/** A request carries a guest's whole configuration, which domain XML limits to 1 MiB; JSON escapes can double it. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Where the agent writes answers and events. */
export const ANSWER_FD = 3;
/** The first descriptor that a parent passes to an agent that it starts for one call. */
export const FIRST_PASSED_FD = 4;
/** A pipe's end in the parent, as the agent may open it (proc(5)), and how. */
const pipeSchema = z.object({ path: z.string().regex(/^\/proc\/\d+\/fd\/\d+$/), flags: z.enum(['r', 'w']) });

const idSchema = z.int().positive();

export const requestSchema = z.union([
  z.object({
    id: idSchema,
    call: z.string().min(1).max(64),
    params: z.unknown().optional(),
    /** For an agent that was started before the pipe was made. */
    pipe: pipeSchema.optional(),
  }),
  /** Asks a call in progress to end soon; it still answers. */
  z.object({ id: idSchema, cancel: z.literal(true) }),
  /** The answer has arrived: the parent is now responsible for the result of the call. */
  z.object({ id: idSchema, heard: z.literal(true) }),
]);
export type AgentRequest = z.infer<typeof requestSchema>;

/** Messages of libxl, which guests may influence: bounded by the line. */
const textSchema = printableText(MAX_LINE_BYTES);
const errorSchema = z.object({
  code: printableText(128),
  message: textSchema,
  hint: textSchema.optional(),
  data: z
    .record(textSchema, z.union([textSchema, z.number(), z.boolean(), z.null(), z.array(textSchema).readonly()]))
    .optional(),
});

export const answerSchema = z.union([
  z.object({ id: idSchema, event: z.unknown() }).refine((line) => 'event' in line),
  z.object({ id: idSchema, error: errorSchema }),
  /** The agent has opened the pipe. */
  z.object({ id: idSchema, opened: z.literal(true) }),
  /** `result` is absent if a call returns nothing. */
  z.object({ id: idSchema, done: z.literal(true), result: z.unknown().optional() }),
]);
export type AgentAnswer = z.infer<typeof answerSchema>;
