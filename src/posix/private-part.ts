import { chmodSync, closeSync, constants, fstatSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { SystemError } from '../errors/errors.js';
import { syncFolder } from './durable-file.js';

/** File systems end at 255 bytes; mkdtemp adds six characters. */
const MAX_PREFIX_CHARS = 40;

/**
 * Lets `write` create a file by name when the writer follows links and does not ask for a new file, as libxc does: in a
 * fresh folder of mode 0700 next to the final path, addressed through its descriptor, so that other users with write
 * access next to the file cannot interfere. The file appears under its name, mode 0600, when `write` has resolved;
 * otherwise nothing is left of it.
 * @param write writes to the given path, in this process or in another of the same user
 * @throws what `write` throws; the system's error
 */
export async function writeInPrivate(file: string, write: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(dirname(file), `.${basename(file).slice(0, MAX_PREFIX_CHARS)}.`));
  let fd: number | undefined;
  try {
    fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const { uid, mode } = fstatSync(fd);
    if (uid !== process.geteuid?.() || (mode & 0o077) !== 0) {
      throw new SystemError('E_SYSTEM_FOLDER_OWNER', `${folder} was replaced by another user while it was made`, {
        hint: `Find out who may write to ${dirname(file)}, and name a file elsewhere.`,
        data: { path: folder, owner: uid },
      });
    }
    const part = `/proc/${process.pid}/fd/${fd}/part`;
    await write(part);
    chmodSync(part, 0o600);
    renameSync(part, file);
    syncFolder(dirname(file));
  } finally {
    if (fd !== undefined) {
      rmSync(`/proc/${process.pid}/fd/${fd}/part`, { force: true });
      closeSync(fd);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
