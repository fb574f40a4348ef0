import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Deadline } from '../errors/deadline.js';
import { DeadlineError, RefusedError } from '../errors/errors.js';
import { FileLock } from '../posix/file-lock.js';
import { makeFolder } from '../posix/folder.js';

/**
 * One modifying job per domain, across every process on this host: a lock file for its UUID and one
 * for its name, so that a name which is arriving cannot be taken by a create. A dead process's job
 * ends with it.
 */
export class Jobs {
  constructor(
    private readonly dir: string,
    private readonly pid: number,
    private readonly waitMs: number,
  ) {
    makeFolder(dir);
  }

  /**
   * Takes the domain's job; dispose it to end the job.
   * @param why what the job does, for whoever has to wait: `migrating to HOST`
   * @throws RefusedError `E_REFUSED_BUSY` naming the holder, when it does not become free in time
   */
  async take(uuid: string, name: string, why: string, signal: AbortSignal): Promise<Disposable> {
    using deadline = new Deadline(signal, this.waitMs, 'E_DEADLINE_JOB', `the job of ${name}`);
    // Always in this order, so that two takers cannot each hold one.
    const byUuid = await this.#lock(join(this.dir, `${uuid}.lock`), name, why, deadline.signal);
    try {
      const key = createHash('sha256').update(name).digest('hex').slice(0, 32);
      const byName = await this.#lock(join(this.dir, `name-${key}.lock`), name, why, deadline.signal);
      return {
        [Symbol.dispose]: () => {
          byName.release();
          byUuid.release();
        },
      };
    } catch (error) {
      byUuid.release();
      throw error;
    }
  }

  async #lock(path: string, name: string, why: string, signal: AbortSignal): Promise<FileLock> {
    try {
      return await FileLock.take(path, `${why} (process ${this.pid})`, signal);
    } catch (error) {
      if (!(signal.reason instanceof DeadlineError)) throw error;
      const holder = FileLock.holderOf(path);
      throw new RefusedError('E_REFUSED_BUSY', `domain ${name} is busy: ${holder}`, {
        hint: 'Wait until that has ended, or stop it, and try again.',
        data: { holder },
      });
    }
  }
}
