import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { EncoderMemory } from '../codec/encoder-memory.js';
import { PageBatchEncoder } from '../codec/page-batch-encoder.js';
import { PieceEncoder } from '../codec/piece-encoder.js';
import { SparseDigester } from '../codec/sparse-digest.js';
import { WasmBatchEncoder } from '../codec/wasm-batch-encoder.js';
import { AbortedError } from '../errors/errors.js';
import { pollReadable } from '../posix/libc.js';
import { toThreadError } from '../tunnel/threads/thread-messages.js';
import { SaveControl } from './save-control.js';
import { readSave } from './save-loop.js';
import type { FromSaveThread, SaveCounts, SaveThreadData } from './save-messages.js';

/*
 * The entry point of the thread that reads a save stream: from the pipe into shared memory, where it is digested and laid out in batches. It
 * blocks, on the pipe and on slots, in steps, and looks for a stop in between.
 */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a thread');

function tell(message: FromSaveThread): void {
  port?.postMessage(message);
}

const data = workerData as SaveThreadData;
const { references, findPages, module } = data;
const memory = EncoderMemory.over(data.slots, data.memory);
const control = new SaveControl(data.control);
const digester = new SparseDigester({ algorithm: data.digest.algorithm, key: Buffer.from(data.digest.key) });
const encoder =
  module === undefined
    ? new PageBatchEncoder(memory.buffer, { references, findPages })
    : new WasmBatchEncoder(module, memory, { references, findPages });

let nextSlot = 0;
/** Time in which batches were made, waiting for slots and the digest included. */
let busyMs = 0;
let slotWaitMs = 0;
let idleMs = 0;

function counts(): SaveCounts {
  const { spentMs } = digester;
  const encodeMs = Math.max(0, busyMs - slotWaitMs - spentMs);
  return { encoder: { ...encoder.counts }, encodeMs, digestMs: spentMs, idleMs };
}

function timed<T>(work: () => T): T {
  const since = performance.now();
  try {
    return work();
  } finally {
    busyMs += performance.now() - since;
  }
}

function idle<T>(work: () => T): T {
  const since = performance.now();
  const result = work();
  idleMs += performance.now() - since;
  return result;
}

/** Slots are used in turn: so a batch is overwritten by the one that is as many batches after it, and no longer referred to. */
function takeSlot(): number {
  const slot = nextSlot;
  nextSlot = (nextSlot + 1) % memory.slots;
  const since = performance.now();
  if (!control.takeSlot(slot)) throw new AbortedError('reading the save stream was stopped');
  slotWaitMs += performance.now() - since;
  return slot;
}

const pieces = new PieceEncoder({
  encoder,
  memory,
  takeSlot,
  taker: digester,
  onBatch: (batch) => {
    tell({ tell: 'batch', ...batch, counts: counts() });
  },
});

try {
  const whole = readSave(
    {
      poll: (ms) => idle(() => pollReadable(data.fd, ms)),
      read: (into) => readSync(data.fd, into),
      now: () => performance.now(),
      sleep: (ms) => {
        idle(() => {
          control.sleep(ms);
        });
      },
      get delayMs() {
        return control.delayMs;
      },
      get stopped() {
        return control.stopped;
      },
    },
    {
      get space() {
        return pieces.space;
      },
      get hasPending() {
        return pieces.hasPending;
      },
      push: (count) => timed(() => pieces.push(count)),
      flush: () => timed(() => pieces.flush()),
      end: () => timed(() => pieces.end()),
    },
    { bytesPerSecond: data.bytesPerSecond, onBegun: () => tell({ tell: 'begun' }) },
  );
  if (!whole) throw new AbortedError('reading the save stream was stopped');
  tell({ tell: 'ended', rawBytes: digester.rawBytes, hex: digester.digest(), counts: counts() });
} catch (error) {
  tell({ tell: 'failed', error: toThreadError(error) });
}
port.close();
