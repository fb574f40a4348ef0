import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { stepsOf, type Step } from '../support/guides/page.js';
import { canMakeHosts, World } from '../support/guides/world.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = [
  'README.md',
  'docs/start.md',
  ...readdirSync(join(ROOT, 'docs/guides')).map((page) => `docs/guides/${page}`),
];

/** Blocks of the README that are commands of the checkout itself, and run elsewhere. */
const OF_THE_CHECKOUT = /^\.\/scripts\/(?:demo|test|lab)\b/;

describe.skipIf(!canMakeHosts())('the commands of the documents, on hosts of their own', () => {
  it.each(PAGES)(
    '%s',
    async (page) => {
      const steps = stepsOf(readFileSync(join(ROOT, page), 'utf8')).filter(({ text }) => !OF_THE_CHECKOUT.test(text));
      expect(steps.length).toBeGreaterThan(0);
      await using world = await World.make();
      for (const step of steps) await world.run(here(step, world.dir));
    },
    600_000,
  );

  it('a command that fails is found, with its page line and what was printed', async () => {
    await using world = await World.make();
    const step: Step = { host: 'hv1', kind: 'sh', text: 'xenferry dominfo nobody', line: 7 };
    await expect(world.run(step)).rejects.toThrow(/^hv1, line 7 of the page: failed\n[\s\S]*nobody/);
  });
});

/** `/tmp/xf` of the README is a folder of the test's; the checkout is built already. */
function here(step: Step, dir: string): Step {
  return {
    ...step,
    text: step.text.replaceAll('/tmp/xf', join(dir, 'xf')).replace('./scripts/setup && ', ''),
  };
}
