import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ToolstackEvent } from '../../../../src/toolstack/toolstack.js';
import { LibxlToolstack } from '../../../../src/toolstack/libxl/libxl-toolstack.js';
import { watchEvents } from '../../../../src/toolstack/libxl/watch-events.js';
import { eventually } from '../../../support/eventually.js';
import { withShortTimeout } from '../../../support/short-timeouts.js';
import { never, TempFolder } from '../rig.js';

const built = fileURLToPath(new URL('../../../../dist', import.meta.url));

describe('the agents of libxl', () => {
  let temp: TempFolder;
  beforeEach(() => {
    temp = new TempFolder();
  });
  afterEach(() => temp[Symbol.dispose]());

  it('a call that is not answered in time is given up', async () => {
    await using toolstack = new LibxlToolstack();
    await withShortTimeout(120_000, () =>
      expect(toolstack.list(never)).rejects.toMatchObject({ code: 'E_DEADLINE_LIBXL' }),
    );
  });

  it('events that are not taken are bounded: their reader learns that some are lost', async () => {
    const done = temp.file('done');
    const event: ToolstackEvent = {
      type: 'death',
      domid: 3 as never,
      uuid: '5e0d0000-0000-4000-8000-000000000002',
    };
    writeFileSync(
      temp.file('agent.mjs'),
      `import { writeFileSync } from 'node:fs';
       import { serveAgent } from ${JSON.stringify(`${built}/toolstack/agent/serve.js`)};
       serveAgent({ watch: async (_, call) => {
         for (let n = 0; n < 14000; n += 1) call.emit(${JSON.stringify(event)});
         writeFileSync(${JSON.stringify(done)}, '');
         await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
       } });`,
    );
    const events = watchEvents(pathToFileURL(temp.file('agent.mjs')), never);
    expect((await events.next()).value).toEqual(event);
    // The pipe holds a few hundred events: most have arrived when the last one has been written.
    await eventually(() => expect(existsSync(done)).toBe(true));
    await expect(
      (async () => {
        for await (const _ of events);
      })(),
    ).rejects.toMatchObject({ code: 'E_TOOLSTACK_EVENTS_LOST' });
  });
});
