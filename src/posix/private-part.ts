import { chmodSync, closeSync, constants, fstatSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { SystemError } from '../errors/errors.js';
import { syncFolder } from './durable-file.js';

/** File systems end at 255 bytes; mkdtemp adds six characters. */
const MAX_PREFIX_CHARS = 40;

/**
 * Has a file written by what opens it by its name, follows links and asks for no new file, as libxc does: in a fresh folder of mode 0700
 * beside it, which is reached through its descriptor, so that whoever else may write beside the file can put nothing in the way. The file
 * appears under its name, mode 0600, when `write` has resolved; else nothing is left of it.
 * @param write writes to the path that it is given, in this process or in another of the same user
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
