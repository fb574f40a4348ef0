import { parentPort, workerData } from 'node:worker_threads';
import { toThreadError } from '../tunnel/threads/thread-messages.js';
import { RestoreWriter } from './restore-writer.js';
import type { FromWriter, ToWriter, WriterData } from './writer-messages.js';

/*
 * The entry point of the thread that writes into a restore's pipe. It blocks while the pipe is full, in steps, and looks
 * for a stop in between.
 */

/** While the pipe still refers to slots and nothing comes, they are asked after so often, in ms. */
const LOOK_MS = 10;

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a thread');

const { memory, spare, fd, readerCopies, choice, digestKey, stop } = workerData as WriterData;
const writer = new RestoreWriter({
  memory,
  spare,
  fd,
  readerCopies,
  choice,
  digestKey: Buffer.from(digestKey),
  stopped: () => Atomics.load(stop, 0) !== 0,
});
let timer: NodeJS.Timeout | undefined;

function tell(message: FromWriter): void {
  port?.postMessage(message);
}

/** Reports free slots, and looks again while the pipe holds some. */
function look(written: number): void {
  const free = writer.free();
  if (written > 0 || free.length > 0) tell({ tell: 'written', batches: written, rawBytes: writer.rawBytes, free });
  timer ??= writer.waitsForReader ? setTimeout(lookAgain, LOOK_MS) : undefined;
}

function lookAgain(): void {
  timer = undefined;
  look(0);
}

port.on('message', (message: ToWriter) => {
  try {
    if (message.do === 'write') {
      writer.write(message.slot, message.bytes);
      look(1);
      return;
    }
    tell({ tell: 'ended', ...writer.finish(), counts: writer.counts });
  } catch (error) {
    tell({ tell: 'failed', error: toThreadError(error) });
  }
  clearTimeout(timer);
  writer[Symbol.dispose]();
  port.close();
});
