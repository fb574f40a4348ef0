import { randomBytes } from 'node:crypto';
import { openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_BATCH_BYTES } from '../../../src/codec/batch.js';
import { SparseDigester } from '../../../src/codec/sparse-digest.js';
import { wasmEncoderModule } from '../../../src/codec/wasm-batch-encoder.js';
import { makePipe, OwnedFd } from '../../../src/posix/owned-fd.js';
import { hasReader } from '../../../src/posix/libc.js';
import { encodePageDataHeader } from '../../../src/savestream/encode.js';
import { PAGE_BYTES } from '../../../src/savestream/layout.js';
import { SaveReader, type SavedBatch, type SaveReaderOptions } from '../../../src/source/save-reader.js';
import { ENCODERS, plainRaw, type EncoderName } from '../../support/batch-encoding.js';
import { eventually } from '../../support/eventually.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { smallHvmParts } from '../../support/small-stream.js';

const writeSome = promisify(write);
const never = new AbortController().signal;
const KEY = Buffer.alloc(16, 7);
const CHOICE = {
  codec: 'pages-2',
  referenceBytes: 4 * MAX_BATCH_BYTES,
  packing: 'none',
  digest: 'sparse-sha256',
} as const;
/** A write to a full pipe ends once there is room for all of it. */
const WRITE_BYTES = 64 * 1024;
const WHOLE = Buffer.concat(smallHvmParts());

interface Reading extends AsyncDisposable {
  readonly reader: SaveReader;
  /** The pipe's write end. */
  readonly fd: number;
  readonly closeWriter: () => void;
}

const open: Reading[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

function reading(name: EncoderName, options: Partial<SaveReaderOptions> = {}): Reading {
  const pipe = makePipe('save stream of a test');
  const reader = new SaveReader({
    source: pipe.readEnd,
    choice: CHOICE,
    digestKey: KEY,
    findPages: true,
    windowBatches: 5,
    withoutWasm: name === 'TypeScript',
    onBegun: () => undefined,
    ...options,
  });
  const one: Reading = {
    reader,
    fd: pipe.writeEnd.fd,
    closeWriter: () => {
      pipe.writeEnd.close();
    },
    [Symbol.asyncDispose]: async () => {
      pipe.writeEnd.close();
      await reader[Symbol.asyncDispose]();
    },
  };
  open.push(one);
  return one;
}

/** Takes batches and frees them, until the stream has ended. */
async function collect(reader: SaveReader): Promise<Buffer[]> {
  const batches: Buffer[] = [];
  for await (const batch of reader.batches(never)) {
    batches.push(Buffer.from(batch.payload));
    reader.free(batch);
  }
  return batches;
}

async function next(batches: AsyncGenerator<SavedBatch, void, undefined>): Promise<SavedBatch> {
  const result = await batches.next();
  if (result.done === true) throw new Error('the stream has ended');
  return result.value;
}

/** A stream of so many pages that nothing is found in. */
function noisyStream(pages: number): Buffer {
  const header = encodePageDataHeader(Array.from({ length: 256 }, (_, pfn) => ({ pfn, type: 0 })));
  const records = Array.from({ length: pages / 256 }, () => Buffer.concat([header, randomBytes(256 * PAGE_BYTES)]));
  return Buffer.concat([...smallHvmParts().slice(0, 5), ...records, ...smallHvmParts().slice(-3)]);
}

describe('WebAssembly', () => {
  it('is there where the tests run, so that both encoders are tested', () => {
    expect(wasmEncoderModule()).toBeDefined();
  });
});

describe.each(ENCODERS)('a save stream that is read in a thread, with the encoder in %s', (name) => {
  it.each(FIXTURES)('%s comes whole, with its digest', async (fixture) => {
    const raw = fixtureStream(fixture);
    const { reader, fd, closeWriter } = reading(name);
    const writing = (async () => {
      for (let at = 0, size = 1; at < raw.length; size = (size * 7) % 400_009) {
        at += (await writeSome(fd, raw, at, Math.min(size, raw.length - at))).bytesWritten;
      }
      closeWriter();
    })();
    const batches = await collect(reader);
    await writing;
    expect(plainRaw(batches).equals(raw)).toBe(true);
    const digester = new SparseDigester({ algorithm: CHOICE.digest, key: KEY });
    digester.literal(raw);
    expect(reader.total.rawBytes).toBe(raw.length);
    expect(reader.total.hex).toMatch(/^[0-9a-f]{64}$/);
    expect(reader.counts.encoder.rawBytes).toBe(raw.length);
  });

  it('goes out where the pipe is quiet, and at once at the END record, however long batches wait', async () => {
    const { reader, fd, closeWriter } = reading(name);
    reader.delayMs = 1;
    const batches = reader.batches(never);
    writeSync(fd, WHOLE.subarray(0, 50));
    const first = await next(batches);
    expect(first.rawBytes).toBe(50);
    // Longer than any test takes.
    reader.delayMs = 1_000_000;
    writeSync(fd, WHOLE.subarray(50));
    const second = await next(batches);
    expect(second.rawBytes).toBe(WHOLE.length - 50);
    closeWriter();
    expect((await batches.next()).done).toBe(true);
    expect(plainRaw([first.payload, second.payload]).equals(WHOLE)).toBe(true);
  });

  it('stops being read while batches are not freed, and goes on when they are', async () => {
    const raw = noisyStream(24 * 256);
    const { reader, fd, closeWriter } = reading(name);
    // Only full batches.
    reader.delayMs = 1_000_000;
    let written = 0;
    const writing = (async () => {
      while (written < raw.length) {
        const count = Math.min(WRITE_BYTES, raw.length - written);
        written += (await writeSome(fd, raw, written, count)).bytesWritten;
      }
      closeWriter();
    })();
    const batches = reader.batches(never);
    const held: SavedBatch[] = [];
    const slots = 5 + 4;
    while (held.length < slots) held.push(await next(batches));
    let came = false;
    const more = next(batches).finally(() => {
      came = true;
    });
    // The pipe is full, and what the thread has read is at most the slots and a piece.
    await eventually(() => expect(written).toBeGreaterThan(slots * 1_000_000 - 1_000_000));
    expect(written).toBeLessThan((slots + 2) * MAX_BATCH_BYTES + 1024 * 1024);
    expect(came).toBe(false);
    const got = held.map((batch) => Buffer.from(batch.payload));
    for (const batch of held) reader.free(batch);
    const last = await more;
    got.push(Buffer.from(last.payload));
    reader.free(last);
    for await (const batch of batches) {
      got.push(Buffer.from(batch.payload));
      reader.free(batch);
    }
    await writing;
    expect(plainRaw(got).equals(raw)).toBe(true);
  });

  it('is held to a rate', async () => {
    const raw = noisyStream(512);
    const { reader, fd, closeWriter } = reading(name, { bytesPerSecond: 4 * 1024 * 1024 });
    const since = performance.now();
    const writing = (async () => {
      for (let at = 0; at < raw.length;) at += (await writeSome(fd, raw, at, raw.length - at)).bytesWritten;
      closeWriter();
    })();
    const got = plainRaw(await collect(reader));
    await writing;
    expect(got.equals(raw)).toBe(true);
    expect(performance.now() - since).toBeGreaterThan(350);
  });

  it('F5: a thread that waits for the pipe, or for a slot, ends when it is told to, and closes the pipe', async () => {
    for (const raw of [WHOLE.subarray(0, 100), noisyStream(16 * 256)]) {
      const { reader, fd } = reading(name, { windowBatches: 1 });
      const batches = reader.batches(never);
      const writing = writeSome(fd, raw, 0, raw.length).catch(() => undefined);
      await next(batches);
      const since = performance.now();
      await reader[Symbol.asyncDispose]();
      // 200 ms on a machine with nothing else to do.
      expect(performance.now() - since).toBeLessThan(5000);
      expect(hasReader(fd)).toBe(false);
      await writing;
    }
  });

  it('ends with the signal, and with its consumer', async () => {
    const stop = new AbortController();
    const one = reading(name);
    const rejected = expect(one.reader.batches(stop.signal).next()).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    await rejected;
    await eventually(() => expect(hasReader(one.fd)).toBe(false));
    const other = reading(name);
    writeSync(other.fd, WHOLE);
    for await (const batch of other.reader.batches(never)) {
      expect(batch.rawBytes).toBeGreaterThan(0);
      break;
    }
    await eventually(() => expect(hasReader(other.fd)).toBe(false));
  });

  it('F5: fails where the pipe cannot be read, and where the thread dies', async () => {
    const folder = new OwnedFd(openSync('/', 'r'), 'a folder');
    const failing = reading(name, { source: folder });
    await expect(collect(failing.reader)).rejects.toMatchObject({ code: 'E_SYSTEM_EISDIR' });
    await failing.reader[Symbol.asyncDispose]();
    expect(folder.isOpen).toBe(false);
    const dying = reading(name, { choice: { ...CHOICE, digest: 'sparse-none' as 'sparse-sha256' } });
    await expect(collect(dying.reader)).rejects.toMatchObject({ code: 'E_BUG' });
    await eventually(() => expect(hasReader(dying.fd)).toBe(false));
  });
});
