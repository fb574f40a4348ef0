/** How far the wall clock is off, in ms. Nothing else of a process knows of it: monotonic time goes on. */
let offsetMs = 0;

const RealDate = Date;

/** Moves the wall clock of this process, as an operator or a time server does. */
export function shiftClock(ms: number): void {
  offsetMs += ms;
  if (globalThis.Date !== RealDate) return;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, words: unknown[]) =>
      Reflect.construct(target, words.length === 0 ? [RealDate.now() + offsetMs] : words) as Date,
    get: (target, key, receiver) =>
      key === 'now' ? (): number => RealDate.now() + offsetMs : (Reflect.get(target, key, receiver) as unknown),
  });
}

/** The clock is right again. */
export function mendClock(): void {
  offsetMs = 0;
  globalThis.Date = RealDate;
}
