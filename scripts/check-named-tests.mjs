// Checks that every test that the threat model names ran and passed: `node scripts/check-named-tests.mjs REPORT`, with
// vitest's JSON report of the whole suite. A test that was skipped is named; one that is missing or failed fails.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../docs/internals/threat-model.md', import.meta.url));

/** The quoted titles of a page, or parts of titles. */
export const namedTests = (page) => [...page.replace(/\s+/g, ' ').matchAll(/"([^"]+)"/g)].map(([, title]) => title);

/** `%s`, `%j`, `%o` and `$name` of a table's title stand for anything in the titles that ran. */
function patternOf(title) {
  const parts = title.split(/%[sdijo]|\$\w+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.+'), 's');
}

/** What became of each named test: `passed`, `skipped`, `failed` or `missing`. */
export function outcomes(titles, tests) {
  return titles.map((title) => {
    const pattern = patternOf(title);
    const found = tests.filter(({ fullName }) => pattern.test(fullName)).map(({ status }) => status);
    const outcome =
      found.length === 0
        ? 'missing'
        : found.includes('failed')
          ? 'failed'
          : found.includes('passed')
            ? 'passed'
            : 'skipped';
    return { title, outcome };
  });
}

const [report] = process.argv.slice(2);
if (report !== undefined) {
  const tests = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap((file) => file.assertionResults);
  const all = outcomes(namedTests(readFileSync(PAGE, 'utf8')), tests);
  for (const { title, outcome } of all) if (outcome !== 'passed') console.error(`threat model: ${outcome}: "${title}"`);
  if (all.some(({ outcome }) => outcome === 'missing' || outcome === 'failed')) process.exitCode = 1;
}
