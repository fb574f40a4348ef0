import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HostProgram } from './support/host-program.js';
import { hostA } from './support/lab-host.js';
import { remains, settledRemains } from './support/remains.js';

const SUITE_MS = 1_500_000;

const foundSchema = z.object({
  title: z.string(),
  passed: z.boolean(),
  ms: z.number(),
  trouble: z.string().optional(),
});

const program = await HostProgram.make('libxl-conformance');

describe("libxl keeps the toolstack's promises", () => {
  const found = new Map<string, z.infer<typeof foundSchema>>();
  let stderr = '';
  let before: readonly string[] = [];

  // One run of them all; what follows says how each went.
  beforeAll(async () => {
    before = await remains(hostA);
    const end = await program.run(hostA, SUITE_MS);
    ({ stderr } = end);
    for (const line of end.lines) {
      const one = foundSchema.parse(line);
      found.set(one.title, one);
    }
  }, SUITE_MS + 120_000);
  afterAll(() => {
    program[Symbol.dispose]();
  });

  it.each(program.titles)('%s', (title) => {
    const one = found.get(title);
    if (one === undefined) throw new Error(`it did not come to this test: ${stderr.slice(-4000)}`);
    expect(one.passed, one.trouble).toBe(true);
  });

  it('leaves nothing on the host', async () => {
    expect(await settledRemains(hostA, before)).toEqual(before);
  });
});
