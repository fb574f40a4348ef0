import type { Known } from './known.js';
import type { Difference, Outcome, PeerCase } from './outcome.js';

export type Verdict = 'same' | 'known' | 'refused' | 'wrong';

export interface Judged {
  readonly verdict: Verdict;
  /** What is wrong, a line each. */
  readonly trouble: readonly string[];
}

const shown = (value: string | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** Judges an outcome by the list of what is meant; `used` collects the entries that explained something. */
export function judge(one: PeerCase, outcome: Outcome, list: readonly Known[], used: Set<Known>): Judged {
  const known = (what: string): boolean => {
    const found = list.find(
      (entry) => entry.suite.test(one.suite) && entry.name.test(one.name) && entry.what.test(what),
    );
    if (found !== undefined) used.add(found);
    return found !== undefined;
  };
  if (outcome.kind === 'refused') {
    const what = `${outcome.code}: ${outcome.message}`;
    if (outcome.theirs || known(what)) return { verdict: 'refused', trouble: [] };
    return { verdict: 'wrong', trouble: [`refused: ${what}`] };
  }
  const { differences } = outcome;
  if (differences.length === 0) return { verdict: 'same', trouble: [] };
  const line = ({ path, theirs, ours }: Difference): string => `${path}: ${shown(theirs)} there, ${shown(ours)} here`;
  const trouble = differences.map(line).filter((text) => !known(text));
  return { verdict: trouble.length === 0 ? 'known' : 'wrong', trouble };
}
