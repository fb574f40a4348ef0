/** What is promised of one error code. */
export interface CodeRow {
  /** The class in errors.ts (or below it) that carries the code. */
  readonly class: string;
  /** What happened, in one sentence for an operator. */
  readonly meaning: string;
  /** What to do about it, in one sentence. */
  readonly remedy: string;
  /** The command's exit code where the class decides it; undefined where it depends on where the guest is left. */
  readonly exit?: number;
  /** First release that has the code with this meaning. */
  readonly since: string;
}

type Words = readonly [meaning: string, remedy: string, since?: string];

/** The rows of one class from their words. */
export function rows<const Code extends string>(
  className: string,
  exit: number | undefined,
  words: Readonly<Record<Code, Words>>,
): Readonly<Record<Code, CodeRow>> {
  const made = Object.entries<Words>(words).map(([code, [meaning, remedy, since = '0.1']]) => [
    code,
    { class: className, meaning, remedy, ...(exit === undefined ? {} : { exit }), since },
  ]);
  return Object.fromEntries(made) as Readonly<Record<Code, CodeRow>>;
}
