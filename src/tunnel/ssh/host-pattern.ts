/**
 * Whether the text matches one pattern of ssh's: `*` matches any run of characters, `?` for one,
 * everything else for itself (ssh_config(5), PATTERNS). Linear in memory, never exponential in time.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let want = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (want < pattern.length && (pattern[want] === '?' || (pattern[want] !== '*' && pattern[want] === text[at]))) {
      at += 1;
      want += 1;
    } else if (pattern[want] === '*') {
      star = want;
      resume = at;
      want += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      want = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[want] === '*') want += 1;
  return want === pattern.length;
}

/**
 * Whether the text matches a list of patterns: at least one of them, and none that is negated by `!`.
 * A negated pattern alone never matches anything (ssh_config(5), PATTERNS).
 */
export function matchesPatternList(text: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(text, pattern.slice(1))) return false;
    } else if (matchesPattern(text, pattern)) {
      matched = true;
    }
  }
  return matched;
}
