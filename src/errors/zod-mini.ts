import * as z from 'zod/mini';

/*
 * The same schemas in a small form, for processes that must start at once: the clients of a daemon. As in zod.ts, none compiles itself.
 */
z.config({ jitless: true });

export { z };
