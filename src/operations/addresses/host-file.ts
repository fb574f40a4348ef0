import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SystemError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';

/** Room for ten thousand leases. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The error for another program's file that cannot be used. */
export function badHostFile(path: string, why: string, cause?: unknown): SystemError {
  return new SystemError('E_SYSTEM_DHCP_LEASES', `${path} ${why}`, {
    cause,
    hint: 'The file belongs to the DHCP server or to libvirt: check its contents, and that you may read it.',
    data: { path },
  });
}

/**
 * The text of another program's file; undefined if there is none. Never blocks: a pipe in its place
 * is refused, as is a file that is too long. @throws SystemError `E_SYSTEM_DHCP_LEASES` naming it; the signal's reason
 */
export async function readHostFile(path: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    const { size } = found;
    if (!found.isFile()) throw new Error('it is not a plain file');
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, over ${MAX_BYTES}`);
    const bytes = Buffer.alloc(size);
    let got = 0;
    while (got < size) {
      const { bytesRead } = await file.read(bytes, got, size - got, got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return bytes.toString('utf8', 0, got);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
      return undefined;
    }
    throw badHostFile(path, `cannot be read: ${messageOf(cause)}`, cause);
  }
}
