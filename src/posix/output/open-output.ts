import { constants, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Deadline } from '../../errors/deadline.js';
import { DeadlineError, RefusedError } from '../../errors/errors.js';
import { asError, codeOf } from '../../errors/message-of.js';
import { duplicateFd } from '../libc.js';
import { OwnedFd } from '../owned-fd.js';
import { FileOutput } from './file-output.js';
import { planOutput } from './output-plan.js';
import type { Output } from './output.js';
import { PipeOutput } from './pipe-output.js';

/** Interval at which a named pipe is checked for a reader. */
const LOOK_MS = 50;
/** Longest wait for the reader. */
export const READER_MS = 60_000;

/**
 * Opens a file that the user names for writing, according to its type: a plain file is replaced as a whole, through any
 * symbolic links; a pipe, a block device or an inherited descriptor is written to in order. Waits until a named pipe
 * has a reader. The caller disposes of the result.
 * @throws RefusedError `E_REFUSED_FILE`; the signal's reason
 */
export async function openOutput(file: string, signal: AbortSignal, readerMs = READER_MS): Promise<Output> {
  const plan = planOutput(file);
  try {
    switch (plan.how) {
      case 'replace':
        return FileOutput.replace(plan.path);
      case 'open':
        return plan.kind === 'block device'
          ? FileOutput.blockDevice(plan.path)
          : new PipeOutput(new OwnedFd(await openPipeToWrite(plan.path, signal, readerMs), file), 'pipe');
      case 'descriptor':
        return plan.kind === 'pipe' || plan.kind === 'socket'
          ? new PipeOutput(new OwnedFd(duplicateFd(plan.fd), file), plan.kind)
          : FileOutput.descriptor(plan.fd, file);
    }
  } catch (error) {
    if (signal.aborted) throw asError(signal.reason);
    throw new RefusedError('E_REFUSED_FILE', `cannot write ${file}`, { cause: error, hint: hintOf(error, plan) });
  }
}

function hintOf(error: unknown, plan: ReturnType<typeof planOutput>): string {
  const code = codeOf(error);
  if (code === 'E_SYSTEM_EEXIST' && plan.how === 'replace') {
    return `Another command may be writing there; remove ${plan.path}.part if none is.`;
  }
  if (code === 'E_SYSTEM_EBUSY') return 'The device is in use: it is mounted, or part of another device.';
  if (error instanceof DeadlineError) return 'Start the program that reads the pipe first.';
  return 'Name a new file in a folder that exists and that you may write to.';
}

/** Opening it in blocking mode would block the whole process until there is a reader. */
async function openPipeToWrite(path: string, signal: AbortSignal, readerMs: number): Promise<number> {
  using deadline = new Deadline(signal, readerMs, 'E_DEADLINE_READER', `a reader of the pipe ${path}`);
  for (;;) {
    deadline.signal.throwIfAborted();
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) !== 'E_SYSTEM_ENXIO') throw error;
    }
    await wait(LOOK_MS, undefined, { signal: deadline.signal }).catch(() => undefined); // checked above
  }
}
