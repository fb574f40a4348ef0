import { z } from '../../errors/zod.js';
import type { TransferEvent } from '../toolstack.js';

/** The protocol between the embedded host and the process that saves or restores for it. */

export const saveParamsSchema = z.object({ dir: z.string(), domid: z.int().positive(), live: z.boolean() });
export type SaveParams = z.infer<typeof saveParamsSchema>;

export const restoreParamsSchema = z.object({
  dir: z.string(),
  /** Domain XML. */
  xml: z.string(),
  native: z.string().optional(),
});
export type RestoreParams = z.infer<typeof restoreParamsSchema>;
export const restoredSchema = z.object({ domid: z.int().positive() });
export type Restored = z.infer<typeof restoredSchema>;

export const transferEventSchema: z.ZodType<TransferEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('round'), round: z.int(), pagesSent: z.int(), pagesTotal: z.int() }),
  z.object({ type: z.literal('suspended'), atMs: z.number() }),
  z.object({ type: z.literal('log'), level: z.enum(['debug', 'info', 'warning', 'error']), text: z.string() }),
]);
