let code = 0;

/** For a verb that has printed its result, but did not succeed entirely. */
export function setExitCode(value: number): void {
  code = value;
}

/** Returns the exit code that the verb has set, 0 by default, and resets it. */
export function takeExitCode(): number {
  const taken = code;
  code = 0;
  return taken;
}
