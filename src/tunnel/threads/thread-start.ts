import { writeSync, closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openEventFd } from '../../posix/libc.js';
import { threadEntry } from '../../posix/thread-entry.js';
import { ASLEEP, LOOP_STATE_BYTES, STOP } from './poll-loop.js';
import type { ToThread } from './thread-messages.js';

/** Who does TLS in a thread: `node:tls`, or the thread itself with Node's libssl, which takes half the processor time. */
export type ThreadKind = 'node' | 'libssl';

/** What a thread that does TLS itself begins with. */
export interface SecureThreadData {
  readonly state: SharedArrayBuffer;
  readonly wakeFd: number;
}

/** A thread that can be spoken to. */
export interface StartedThread {
  readonly worker: Worker;
  readonly post: (message: ToThread, transfer?: ArrayBuffer[]) => void;
  /** Ends it, with every link in it. */
  readonly stop: () => void;
}

/** A thread has few objects and many buffers: a small nursery has them collected soon. MiB. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 } as const;

/** As debuggers and lists of threads show it. */
const NAME = 'lane';

/** A thread that has not ended by itself then is terminated. */
const STOP_MS = 1000;

const ONE = new BigUint64Array([1n]);

/** Starts a thread of either kind. Who starts it stops it. */
export function startThread(kind: ThreadKind): StartedThread {
  return kind === 'node' ? startNode() : startSecure();
}

function startNode(): StartedThread {
  const worker = new Worker(threadEntry('link-thread.js', import.meta.url), {
    name: NAME,
    resourceLimits: THREAD_LIMITS,
  });
  return {
    worker,
    post: (message, transfer) => {
      worker.postMessage(message, transfer);
    },
    stop: () => void worker.terminate(),
  };
}

function startSecure(): StartedThread {
  const data: SecureThreadData = { state: new SharedArrayBuffer(LOOP_STATE_BYTES), wakeFd: openEventFd() };
  const state = new Int32Array(data.state);
  const worker = new Worker(threadEntry('secure-thread.js', import.meta.url), {
    name: NAME,
    resourceLimits: THREAD_LIMITS,
    workerData: data,
  });
  let ended = false;
  worker.once('exit', () => {
    ended = true;
    closeSync(data.wakeFd);
  });
  const post = (message: ToThread, transfer?: ArrayBuffer[]): void => {
    worker.postMessage(message, transfer);
    if (!ended && Atomics.exchange(state, ASLEEP, 0) === 1) writeSync(data.wakeFd, ONE);
  };
  return {
    worker,
    post,
    stop: () => {
      Atomics.store(state, STOP, 1);
      post({ do: 'stop' });
      const timer = setTimeout(() => void worker.terminate(), STOP_MS);
      timer.unref();
      worker.once('exit', () => {
        clearTimeout(timer);
      });
    },
  };
}
