import { closeSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { perform, type OutboundLanes } from '../../../src/source/perform.js';
import { guestDomid } from '../../../src/toolstack/domid.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';

/** A save that writes a few bytes and is done. */
const toolstack = {
  save: (_domid, sink) => {
    const fd = sink.release();
    writeSync(fd, Buffer.alloc(4096, 1));
    closeSync(fd);
    return Promise.resolve();
  },
} as Partial<Toolstack> as Toolstack;

const never = new Promise<never>(() => undefined);
const ended = { rawBytes: 4096, wireBytes: 4096 };

function performing(lanes: OutboundLanes) {
  return perform({
    toolstack,
    domid: guestDomid(1),
    live: true,
    lanes,
    stallMs: 50,
    signal: new AbortController().signal,
    onEvent: () => undefined,
    onBytes: () => undefined,
  });
}

describe('the leaving side while the stream moves', () => {
  it('F5: a destination whose lanes live on but take nothing more ends it', async () => {
    await expect(performing({ write: () => never, end: () => Promise.resolve(ended) })).rejects.toMatchObject({
      code: 'E_DEADLINE_STALLED',
    });
  });

  it('F5: a destination that never says it has the last byte ends it', async () => {
    await expect(performing({ write: () => Promise.resolve(), end: () => never })).rejects.toMatchObject({
      code: 'E_DEADLINE_STALLED',
    });
  });

  it('is done when the lanes are', async () => {
    const performed = await performing({ write: () => Promise.resolve(), end: () => Promise.resolve(ended) });
    expect(performed).toMatchObject({ rawBytes: 4096, wireBytes: 4096 });
  });
});
