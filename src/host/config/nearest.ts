/** Most letters that may differ. */
const MOST_WRONG = 3;

/** The word that was probably intended; undefined if none is similar. */
export function nearest(word: string, words: readonly string[], mostWrong = MOST_WRONG): string | undefined {
  const far = words.map((one) => ({ one, distance: distance(word, one) })).sort((a, b) => a.distance - b.distance);
  const best = far.at(0);
  return best !== undefined && best.distance <= Math.min(mostWrong, MOST_WRONG) ? best.one : undefined;
}

/** Letters to add, drop or change to turn one word into the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const change = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
