import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { chooseStream, offerStream, type StreamChoice } from '../../../src/codec/agreement.js';
import { MAX_BATCH_BYTES } from '../../../src/codec/batch.js';
import { BatchFeed } from '../../../src/dest/batch-feed.js';
import type { Fed, InboundChunks } from '../../../src/dest/feed.js';
import { SparseDigester } from '../../../src/codec/sparse-digest.js';
import { Deadline } from '../../../src/errors/deadline.js';
import { unreadBytes } from '../../../src/posix/libc.js';
import { makePipe } from '../../../src/posix/owned-fd.js';
import { encodePageDataHeader } from '../../../src/savestream/encode.js';
import { PAGE_BYTES } from '../../../src/savestream/layout.js';
import { encodeStream } from '../../support/batch-encoding.js';
import { DIGEST_KEY } from '../../support/batch-decoding.js';
import { smallHvmParts } from '../../support/small-stream.js';

const READER = fileURLToPath(new URL('../../support/hashing-reader.mjs', import.meta.url));
/** Few batches under way: the slots are used again soon. */
const WINDOW_BATCHES = 4;

function choice(references: number): StreamChoice {
  const agreed = chooseStream(offerStream('none', DIGEST_KEY), MAX_BATCH_BYTES);
  if (agreed === undefined) throw new Error('nothing was agreed on');
  return { ...agreed, referenceBytes: references * MAX_BATCH_BYTES };
}

/** A guest's stream of so many pages: new ones, zero ones, some again and some changed a little, in runs of all lengths. */
function guestStream(pages: number): Buffer {
  const parts = smallHvmParts();
  const pool = Array.from({ length: 64 }, () => randomBytes(PAGE_BYTES));
  const records: Uint8Array[] = [];
  for (let at = 0; at < pages; at += 256) {
    const kinds = Array.from({ length: 256 }, (_, index) => (at + index) % 7);
    const contents = kinds.map((kind, index): Buffer => {
      if (kind < 2 && at % 1024 < 512) return Buffer.alloc(PAGE_BYTES);
      if (kind === 2) return pool[(at + index) % pool.length];
      if (kind !== 3) return randomBytes(PAGE_BYTES);
      const changed = Buffer.from(pool[index % pool.length]);
      changed.writeUInt32LE(at, (index * 16) % PAGE_BYTES);
      return changed;
    });
    records.push(encodePageDataHeader(kinds.map((_, index) => ({ pfn: index, type: 0 }))), ...contents);
  }
  return Buffer.concat([...parts.slice(0, -6), ...records, ...parts.slice(-6)]);
}

/** Batches as lanes would bring them: no more than a window of them is there before the first is taken. */
function lanesOf(batches: readonly Buffer[]): InboundChunks {
  let under = 0;
  let wake = (): void => undefined;
  return {
    takeSeparately: (frames) => expect(frames).toBe(WINDOW_BATCHES),
    taken: (count) => {
      under -= count;
      wake();
    },
    release: (chunk) => {
      chunk.fill(0xee); // the lanes use its memory again
    },
    async *[Symbol.asyncIterator]() {
      for (const batch of batches) {
        while (under === WINDOW_BATCHES) await new Promise<void>((resolve) => (wake = resolve));
        under += 1;
        yield Buffer.from(batch);
      }
    },
  };
}

interface Restored {
  readonly fed: Fed;
  readonly read: string;
}

/** Feeds batches to a reader that reads as its plan says. */
async function restore(
  batches: readonly Buffer[],
  plan: string,
  references: number,
  readerCopies = true,
): Promise<Restored> {
  const pipe = makePipe('test');
  const reader = spawn(process.execPath, [READER, plan], { stdio: [pipe.readEnd.fd, 'pipe', 'inherit'] });
  pipe.readEnd.close();
  const out: Buffer[] = [];
  reader.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  const closed = once(reader, 'close');
  const signal = new AbortController().signal;
  using moving = new Deadline(signal, 60_000, 'E_DEADLINE_STALLED', 'the test');
  const terms = { choice: choice(references), digestKey: DIGEST_KEY, windowBytes: WINDOW_BATCHES * MAX_BATCH_BYTES };
  await using feed = new BatchFeed(pipe.writeEnd, readerCopies, terms, () => undefined);
  const fed = await feed.pump(lanesOf(batches), moving, () => undefined);
  await closed;
  return { fed, read: Buffer.concat(out).toString().trim() };
}

function encoded(raw: Buffer, references: number, pieces: readonly number[] = []) {
  const { batches, taken } = encodeStream('TypeScript', raw, pieces, { references, findPages: true });
  const digester = new SparseDigester({ algorithm: choice(references).digest, key: DIGEST_KEY });
  for (const one of taken) {
    if (typeof one === 'number') digester.zeros(one);
    else digester.literal(one);
  }
  return { batches, hex: digester.digest() };
}

const sha256 = (raw: Buffer): string => `${createHash('sha256').update(raw).digest('hex')} ${raw.length}`;

/** Where nothing is referred to, a slot is free as soon as the pipe has let go of it. */
describe.each([0, 3])('what a restore reads, where batches refer to %i before them', (references) => {
  const raw = guestStream(16_384);
  const whole = encoded(raw, references);
  /** Cut up by pauses into batches of all sizes. */
  const pieces = Array.from({ length: 900 }, (_, turn) => (turn % 2 === 0 ? 1 + ((turn * 7919) % 150_000) : 0));
  const part = raw.subarray(0, 25_000_000);
  const cut = encoded(part, references, pieces);

  it.each([
    ['fast', '1048576:0'],
    ['in small pieces', '4096:0,100:0,70000:0'],
    ['in bursts', '3000000:30,1:0,4097:5'],
    ['slow', '65536:1'],
    ['with a stop of seconds', '9000000:0,1:3000,100000000:0'],
  ])('%s: every byte of the stream, from large batches', async (_, plan) => {
    const { fed, read } = await restore(whole.batches, plan, references);
    expect(read).toBe(sha256(raw));
    expect(fed.digest.hex).toBe(whole.hex);
    expect(fed.rawBytes).toBe(raw.length);
  });

  it.each([
    ['fast', '1048576:0'],
    ['in bursts', '1000000:30,1:0,4097:5'],
    ['with a stop of seconds', '3000000:0,1:3000,100000000:0'],
  ])('%s: every byte of the stream, from batches of all sizes', async (_, plan) => {
    const { fed, read } = await restore(cut.batches, plan, references);
    expect(read).toBe(sha256(part));
    expect(fed.digest.hex).toBe(cut.hex);
  });

  it('every byte of the stream where the reader does not copy, and so the pipe has copies', async () => {
    const { read } = await restore(whole.batches, '1048576:0', references, false);
    expect(read).toBe(sha256(raw));
  });
});

describe('the thread that writes into a restore', () => {
  const batches = encoded(guestStream(4096), 3).batches;

  function begin() {
    const pipe = makePipe('test');
    const stop = new AbortController();
    const failures: Error[] = [];
    const terms = { choice: choice(3), digestKey: DIGEST_KEY, windowBytes: WINDOW_BATCHES * MAX_BATCH_BYTES };
    const feed = new BatchFeed(pipe.writeEnd, true, terms, (error) => {
      failures.push(error);
      stop.abort(error);
    });
    return { pipe, stop, failures, feed };
  }

  it('is stopped at once while its reader does not read', async () => {
    const { pipe, stop, feed } = begin();
    using moving = new Deadline(stop.signal, 60_000, 'E_DEADLINE_STALLED', 'the test');
    const pumping = feed.pump(lanesOf(batches), moving, () => undefined);
    await expect.poll(() => unreadBytes(pipe.writeEnd.fd, 'pipe')).toBeGreaterThan(500_000);
    stop.abort(new Error('enough'));
    await expect(pumping).rejects.toThrow('enough');
    await feed[Symbol.asyncDispose]();
    expect(pipe.writeEnd.isOpen).toBe(false);
    pipe.readEnd.close();
  });

  it('fails where its reader has gone, and says so', async () => {
    const { pipe, stop, failures, feed } = begin();
    using moving = new Deadline(stop.signal, 60_000, 'E_DEADLINE_STALLED', 'the test');
    pipe.readEnd.close();
    await expect(feed.pump(lanesOf(batches), moving, () => undefined)).rejects.toMatchObject({
      code: 'E_SYSTEM_EPIPE',
    });
    expect(failures).toHaveLength(1);
    await feed[Symbol.asyncDispose]();
  });

  it('fails at a batch that is none, while the lanes bring nothing more', async () => {
    const { pipe, stop, feed } = begin();
    using moving = new Deadline(stop.signal, 60_000, 'E_DEADLINE_STALLED', 'the test');
    const chunks: InboundChunks = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.alloc(100, 7);
        await new Promise(() => undefined);
      },
    };
    await expect(feed.pump(chunks, moving, () => undefined)).rejects.toMatchObject({ code: 'E_PROTOCOL_BATCH' });
    await feed[Symbol.asyncDispose]();
    pipe.readEnd.close();
  });
});
