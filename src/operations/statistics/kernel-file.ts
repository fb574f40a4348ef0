import { open } from 'node:fs/promises';
import { SystemError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';

/** Far longer than any list of network cards. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The text of a file in /proc or /sys; undefined if there is none. Such files report no size, so they are read to their
 * end.
 * @throws SystemError `E_SYSTEM_COUNTERS` naming it
 */
export async function readKernelFile(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536));
      if (bytesRead === 0) return Buffer.concat(chunks).toString('latin1');
      bytes += bytesRead;
      if (bytes > MAX_BYTES) throw new Error(`over ${MAX_BYTES} bytes`);
      chunks.push(buffer.subarray(0, bytesRead));
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENODEV'))
      return undefined;
    throw new SystemError('E_SYSTEM_COUNTERS', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      data: { path },
    });
  }
}
