/** What a `PollLoop` looks after: one connection. No method waits. */
export interface Attended {
  /** Its socket; negative once it is closed. */
  readonly fd: number;
  /** The events of poll(2) that it waits for; 0: none. */
  readonly awaits: number;
  /** It has something to do without waiting. */
  readonly busy: boolean;
  /** When it wants a turn whatever happens, as `performance.now()` says it. */
  readonly due: number;
  /** Does what can be done now. @param events that have come of what it waits for */
  turn(events: number, now: number): void;
  /** Closes it without a word, since its thread ends. */
  abandon(): void;
}
