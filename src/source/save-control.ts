const STOP = 0;
const DELAY = 1;
const FIRST_SLOT = 2;

const FREE = 0;
const USED = 1;

/** Every wait of the reader thread ends after so long at most, and looks for a stop. */
const STEP_MS = 100;

/**
 * What the main thread and the one that reads the save stream share, besides the encoder's memory: whether to stop, how long a batch that
 * is not full waits for more, and which slots are in use. Only the reader thread takes slots and waits; only the main thread frees them.
 */
export class SaveControl {
  constructor(readonly words: Int32Array) {}

  static create(slots: number): SaveControl {
    return new SaveControl(new Int32Array(new SharedArrayBuffer((FIRST_SLOT + slots) * Int32Array.BYTES_PER_ELEMENT)));
  }

  get stopped(): boolean {
    return Atomics.load(this.words, STOP) !== 0;
  }

  /** The reader thread ends as soon as it sees this: within 200 ms, whatever it waits for. */
  stop(): void {
    Atomics.store(this.words, STOP, 1);
    for (let word = 0; word < this.words.length; word += 1) Atomics.notify(this.words, word);
  }

  /** How long a batch that is not full waits for more, in ms. */
  get delayMs(): number {
    return Atomics.load(this.words, DELAY);
  }

  set delayMs(ms: number) {
    if (Atomics.exchange(this.words, DELAY, ms) !== ms) Atomics.notify(this.words, DELAY);
  }

  /** Waits for so long, or until `delayMs` changes or a stop comes. */
  sleep(ms: number): void {
    const delay = this.delayMs;
    if (!this.stopped) Atomics.wait(this.words, DELAY, delay, Math.min(ms, STEP_MS));
  }

  /** Takes a slot once it is free. False where a stop came first. */
  takeSlot(slot: number): boolean {
    while (Atomics.compareExchange(this.words, FIRST_SLOT + slot, FREE, USED) !== FREE) {
      if (this.stopped) return false;
      Atomics.wait(this.words, FIRST_SLOT + slot, USED, STEP_MS);
    }
    return true;
  }

  /** No thread reads what is in the slot any more. */
  freeSlot(slot: number): void {
    Atomics.store(this.words, FIRST_SLOT + slot, FREE);
    Atomics.notify(this.words, FIRST_SLOT + slot);
  }
}
