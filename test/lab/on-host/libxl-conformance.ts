import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { toolstackConformance } from '../../support/toolstack-conformance.js';
import { openLibxl } from '../../../src/toolstack/libxl/open.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';
import { newGuest, ticks } from './guest-on-host.js';
import { asXlSeesIt } from './as-xl-sees-it.js';
import { main } from './suite.js';

/* On a host: the promises of the toolstack contract, kept by libxl. Says a line of JSON for each test. */

/** For a disk that comes to a running guest. */
const IMAGE = '/tmp/xenferry-plugged.img';

/** An emulated guest balloons, unplugs and shuts down slowly. */
const GUEST_MS = 200_000;

let opened: Promise<Toolstack> | undefined;
/** One for all tests: its agent for small calls stays. */
const toolstack = (): Promise<Toolstack> => (opened ??= openLibxl());

toolstackConformance(
  'libxl',
  async () => {
    const shared = await toolstack();
    writeFileSync(IMAGE, Buffer.alloc(4 * 1024 * 1024));
    return {
      image: IMAGE,
      toolstack: shared,
      newGuest: () => ({ domain: newGuest() }),
      // libxc asks for every frame below the 4 GiB that a PVH guest's address space has: minutes in emulation.
      newDumped: () => ({ domain: newGuest('pv') }),
      ready: async (id) => {
        const info = await shared.info(id);
        if (info === undefined) throw new Error(`domain ${id} has gone`);
        await ticks(info.name);
      },
      [Symbol.asyncDispose]: () => rm(IMAGE, { force: true }),
    };
  },
  { guestMs: GUEST_MS },
);
asXlSeesIt(toolstack);

await main(process.argv.slice(2));
await (await opened)?.[Symbol.asyncDispose]();
