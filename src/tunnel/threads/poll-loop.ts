import { readSync } from 'node:fs';
import { POLLIN, PollSet } from '../../posix/poll-set.js';
import type { Attended } from './attended.js';

/** No wait is longer, so that a thread that is terminated ends soon. */
const MOST_WAIT_MS = 100;

/** Places of the memory that a loop shares with the main thread. */
export const ASLEEP = 0;
export const STOP = 1;
export const LOOP_STATE_BYTES = 8;

/**
 * The loop of a thread that does its own I/O, in place of Node's: it looks after connections and hears the main thread, and waits for
 * both in poll(2).
 *
 * The main thread posts its messages as to any thread. Where the loop sleeps (`ASLEEP` is 1) it also makes the eventfd readable:
 * the loop says that it sleeps first and looks for messages then, so none is slept over.
 */
export class PollLoop {
  readonly #connections = new Map<number, Attended>();
  readonly #set = new PollSet();
  readonly #count = new BigUint64Array(1);

  /**
   * @param state shared with the main thread
   * @param wakeFd an eventfd, which stays its owner's
   * @param hear takes the next message of the main thread; false where there is none
   */
  constructor(
    private readonly state: Int32Array,
    private readonly wakeFd: number,
    private readonly hear: () => boolean,
  ) {}

  isStopped(): boolean {
    return Atomics.load(this.state, STOP) !== 0;
  }

  /** Looks after it until it is closed. One with the same number is forgotten. */
  attend(id: number, connection: Attended): void {
    this.#connections.set(id, connection);
  }

  get(id: number): Attended | undefined {
    return this.#connections.get(id);
  }

  /** Closes every connection; nothing is said of it. */
  closeAll(): void {
    for (const connection of this.#connections.values()) connection.abandon();
    this.#connections.clear();
  }

  /** Runs until there is no connection any more, or it is to stop. */
  run(): void {
    while (this.#connections.size > 0 && !this.isStopped()) this.#turn();
  }

  #turn(): void {
    this.#hearAll();
    if (this.isStopped()) return;
    const places = this.#wait();
    const now = performance.now();
    for (const [place, [id, connection]] of places.entries()) {
      if (this.isStopped()) return;
      connection.turn(connection.fd < 0 ? 0 : this.#set.events(place + 1), now);
      if (connection.fd < 0 && this.#connections.get(id) === connection) this.#connections.delete(id);
    }
  }

  /** Waits until something can be done. @returns the connections by their place, the first of which is the eventfd's */
  #wait(): [number, Attended][] {
    const places = [...this.#connections];
    this.#set.clear();
    const wake = this.#set.add(this.wakeFd, POLLIN);
    const now = performance.now();
    let ms = MOST_WAIT_MS;
    for (const [, connection] of places) {
      const open = connection.fd >= 0;
      this.#set.add(connection.fd, open ? connection.awaits : 0);
      ms = open && !connection.busy ? Math.min(ms, Math.max(0, connection.due - now)) : 0;
    }
    if (ms > 0) {
      Atomics.store(this.state, ASLEEP, 1);
      if (this.hear()) ms = 0;
    }
    this.#set.wait(Math.ceil(ms));
    Atomics.store(this.state, ASLEEP, 0);
    if (this.#set.events(wake) !== 0) readSync(this.wakeFd, this.#count);
    return places;
  }

  #hearAll(): void {
    while (!this.isStopped() && this.hear());
  }
}
