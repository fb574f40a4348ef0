import { z } from 'zod';

/*
 * The one place that imports zod. A schema would otherwise compile itself with `new Function` at its first use, which costs tens of
 * milliseconds in every process; the messages that are checked are few and small.
 */
z.config({ jitless: true });

export { z };
export type { ZodType } from 'zod';
