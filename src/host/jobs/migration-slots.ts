import { randomUUID } from 'node:crypto';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../../errors/errors.js';
import { makeFolder } from '../../posix/folder.js';
import { FileLock } from '../../posix/file-lock.js';

/** Interval of the checks of the next waiter; those further back check less often. */
const LOOK_MS = 10;
const SELDOM_MS = 500;

/** Reports the place in the queue to a waiter: 1 is next. */
export type OnPlace = (place: number, limit: number) => void;

/**
 * Limits the number of migrations in one direction, across all processes of a host. Further ones wait in a queue: a
 * ticket file each, held like the slots themselves by flock(2), so that a dead process holds neither a slot nor a
 * place.
 */
export class MigrationSlots {
  #made = false;
  #last = 0;

  /**
   * @param dir folder of the lock files; made when it is needed
   * @param limit undefined: unlimited
   */
  constructor(
    private readonly dir: string,
    readonly limit: number | undefined,
  ) {}

  /**
   * Waits for a slot; dispose it when the migration is over. A holder never waits for another slot of the same host, so
   * that two hosts that send to each other cannot deadlock.
   * @param onPlace called with the place in the queue, each time it changes
   * @throws RefusedError `E_REFUSED_LIMIT` if the signal fires first, with its reason as the cause
   */
  async take(what: string, signal: AbortSignal, onPlace: OnPlace = () => undefined): Promise<Disposable> {
    const { limit } = this;
    if (limit === undefined) return { [Symbol.dispose]: () => undefined };
    if (!this.#made) makeFolder(this.dir);
    this.#made = true;
    const ticket = this.#draw(what);
    let told = 0;
    try {
      for (;;) {
        const ahead = this.#ahead(ticket.name);
        const slot = ahead === 0 ? this.#freeSlot(limit, what) : undefined;
        if (slot !== undefined) return slot;
        if (told !== ahead + 1) onPlace(ahead + 1, limit);
        told = ahead + 1;
        if (signal.aborted) throw limitReached(limit, told, signal.reason);
        await sleep(Math.min(LOOK_MS * told, SELDOM_MS), undefined, { signal }).catch(() => undefined); // checked above
      }
    } finally {
      rmSync(join(this.dir, ticket.name), { force: true });
      ticket.lock.release();
    }
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#tickets().length;
  }

  /**
   * A ticket is visible only once it is held. Within a process the names give the order; among processes the clock
   * does.
   */
  #draw(what: string): { readonly name: string; readonly lock: FileLock } {
    this.#last = Math.max(Date.now(), this.#last + 1);
    const name = `${String(this.#last).padStart(16, '0')}-${randomUUID()}.ticket`;
    const path = join(this.dir, name);
    const lock = FileLock.tryTake(`${path}.new`, what);
    if (lock === undefined) throw new RefusedError('E_REFUSED_LIMIT', `another process holds ${path}`);
    renameSync(`${path}.new`, path);
    return { name, lock };
  }

  #tickets(): string[] {
    if (!this.#made) return [];
    return readdirSync(this.dir).filter((name) => name.endsWith('.ticket'));
  }

  #ahead(mine: string): number {
    return this.#tickets().filter((name) => {
      if (name >= mine) return false;
      if (FileLock.isHeld(join(this.dir, name))) return true;
      rmSync(join(this.dir, name), { force: true }); // its process is dead
      return false;
    }).length;
  }

  #freeSlot(limit: number, what: string): FileLock | undefined {
    for (let index = 0; index < limit; index += 1) {
      const slot = FileLock.tryTake(join(this.dir, `${index}.slot`), what);
      if (slot !== undefined) return slot;
    }
    return undefined;
  }
}

function limitReached(limit: number, place: number, cause: unknown): RefusedError {
  return new RefusedError(
    'E_REFUSED_LIMIT',
    `${limit} migrations are under way, the limit of this host (max_migrations); this one was at place ${place}`,
    { hint: 'Try again when some of them have ended, or raise max_migrations.', cause, data: { limit, place } },
  );
}
