import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HostProgram } from './host-program.js';
import { hostA, hostB, type LabHost } from './lab-host.js';
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

const HOSTS = [hostA, hostB] as const;

/**
 * Runs a program of `test/lab/on-host` on both hosts at once, half of its tests on each, and tells how each went.
 * @param name of its file, without its ending
 */
export async function onHostSuite(title: string, name: string, deadlineMs: number): Promise<void> {
  const program = await HostProgram.make(name);
  describe(title, () => {
    const found = new Map<string, z.infer<typeof foundSchema>>();
    const titles = program.titles.filter((one) => ONLY.length === 0 || ONLY.some((word) => one.includes(word)));
    const stderr: string[] = [];
    let before: readonly (readonly string[])[] = [];

    beforeAll(async () => {
      before = await Promise.all(HOSTS.map((host) => remains(host)));
      const run = async (host: LabHost, share: readonly string[]): Promise<void> => {
        if (share.length === 0) return;
        const end = await program.run(host, deadlineMs, share);
        stderr.push(end.stderr);
        for (const line of end.lines) {
          const one = foundSchema.parse(line);
          found.set(one.title, one);
        }
      };
      await Promise.all(
        HOSTS.map((host, at) =>
          run(
            host,
            titles.filter((_, index) => index % HOSTS.length === at),
          ),
        ),
      );
    }, deadlineMs + GRACE_MS);
    afterAll(() => {
      program[Symbol.dispose]();
    });

    it.each(titles)('%s', (one) => {
      const end = found.get(one);
      if (end === undefined) throw new Error(`it did not come to this test: ${stderr.join('\n').slice(-4000)}`);
      expect(end.passed, end.trouble).toBe(true);
    });

    it('leaves nothing on either host', async () => {
      for (const [at, host] of HOSTS.entries()) {
        expect(await settledRemains(host, before[at]), host.name).toEqual(before[at]);
      }
    });
  });
}
