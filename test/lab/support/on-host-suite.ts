import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HostProgram } from './host-program.js';
import { hostA } from './lab-host.js';
import { remains, settledRemains } from './remains.js';

const GRACE_MS = 300_000;

const foundSchema = z.object({
  title: z.string(),
  passed: z.boolean(),
  ms: z.number(),
  trouble: z.string().optional(),
});

/** XENFERRY_LAB_ONLY='cut off,S18' runs what has one of these in its title, where the whole takes too long. */
const ONLY = (process.env.XENFERRY_LAB_ONLY ?? '').split(',').filter((word) => word !== '');

/**
 * Runs a program of `test/lab/on-host` once, on host A, and tells how each of its tests went.
 * @param name of its file, without its ending
 */
export async function onHostSuite(title: string, name: string, deadlineMs: number): Promise<void> {
  const program = await HostProgram.make(name);
  describe(title, () => {
    const found = new Map<string, z.infer<typeof foundSchema>>();
    let stderr = '';
    let before: readonly string[] = [];

    beforeAll(async () => {
      before = await remains(hostA);
      const end = await program.run(hostA, deadlineMs, ONLY);
      ({ stderr } = end);
      for (const line of end.lines) {
        const one = foundSchema.parse(line);
        found.set(one.title, one);
      }
    }, deadlineMs + GRACE_MS);
    afterAll(() => {
      program[Symbol.dispose]();
    });

    const titles = program.titles.filter((one) => ONLY.length === 0 || ONLY.some((word) => one.includes(word)));
    it.each(titles)('%s', (one) => {
      const end = found.get(one);
      if (end === undefined) throw new Error(`it did not come to this test: ${stderr.slice(-4000)}`);
      expect(end.passed, end.trouble).toBe(true);
    });

    it('leaves nothing on the host', async () => {
      expect(await settledRemains(hostA, before)).toEqual(before);
    });
  });
}
