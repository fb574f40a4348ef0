import { fstatSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { READ_BYTES, readFd } from '../../../posix/fd-stream.js';
import type { OwnedFd } from '../../../posix/owned-fd.js';
import type { StreamFaults } from './stream-faults.js';

const readFrom = promisify(read);

/** The bytes of a save stream, from a pipe, socket or file, to its end. Takes the descriptor over and closes it. */
export async function* readStream(
  source: OwnedFd,
  faults: StreamFaults,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stat = fstatSync(source.fd);
  const chunks = stat.isFIFO() || stat.isSocket() ? readFd(source, signal) : readFile(source, signal);
  for await (const chunk of chunks) yield* faults.pieces(chunk, signal);
}

async function* readFile(source: OwnedFd, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  using file = source;
  for (;;) {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await readFrom(file.fd, buffer, 0, READ_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
