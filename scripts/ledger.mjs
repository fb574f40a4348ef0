// Writes the proofs into docs/internals/features.md and faults.md, from the ids in the titles of the tests.
//   node scripts/ledger.mjs            prints the rows without a proof
//   node scripts/ledger.mjs --write    updates both pages
//   node scripts/ledger.mjs --check    fails where a page is out of date, a row has no proof, or an id has no row
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['docs/internals/features.md', 'docs/internals/faults.md'];

/** Where a test runs, by its folder; the first that fits. */
const LEVELS = [
  ['test/lab/', 'real Xen'],
  ['test/e2e/', 'simulated'],
  ['test/fault/', 'simulated'],
  ['test/support/matrix/', 'simulated'],
  ['test/support/', undefined],
  ['test/unit/', 'unit'],
];

const ID = /\b(?:[SL]\d{2}|F\d{1,2})\b/g;
const STRING = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/** Ids in the strings of a file; `F1-F3` names all three. */
export function idsIn(text) {
  const ids = new Set();
  for (const [literal] of text.matchAll(STRING)) {
    for (const [, from, to] of literal.matchAll(/\bF(\d{1,2})-F(\d{1,2})\b/g))
      for (let id = Number(from); id <= Number(to); id++) ids.add(`F${id}`);
    for (const [id] of literal.matchAll(ID)) ids.add(id);
  }
  return ids;
}

/** id -> level -> files */
function proofs() {
  const found = new Map();
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `test/${file}`)
    .sort();
  for (const file of files) {
    const level = LEVELS.find(([folder]) => file.startsWith(folder))?.[1];
    if (level === undefined) continue;
    for (const id of idsIn(readFileSync(join(ROOT, file), 'utf8'))) {
      const levels = found.get(id) ?? new Map();
      levels.set(level, [...(levels.get(level) ?? []), file]);
      found.set(id, levels);
    }
  }
  return found;
}

/** What a row says of its proof: levels, with up to three files each. */
function proofLine(levels) {
  return `Proof: ${[...levels]
    .map(([level, files]) => {
      const more = files.length > 3 ? ` and ${files.length - 3} more` : '';
      return `${level} (${files
        .slice(0, 3)
        .map((file) => `\`${file}\``)
        .join(', ')}${more})`;
    })
    .join('; ')}`;
}

async function updated(page, found, problems) {
  const path = join(ROOT, page);
  const before = readFileSync(path, 'utf8');
  const sections = before.split(/^(?=### )/m).map((section) => {
    const id = /^### (\S+)/.exec(section)?.[1];
    if (id === undefined) return section;
    const levels = found.get(id);
    const open = /^Open: /m.test(section);
    if (levels === undefined && !open) problems.push(`${page}: ${id} has no proof`);
    if (levels !== undefined && open) problems.push(`${page}: ${id} is proven and called open`);
    const bare = section.replace(/^Proof: [^\n]*(?:\n(?!\n|#)[^\n]*)*\n*/m, '');
    const [body, next] = bare.split(/^(?=## )/m);
    const proof = levels === undefined ? '' : `\n\n${proofLine(levels)}`;
    return `${body.trimEnd()}${proof}\n\n${next ?? ''}`;
  });
  const after = await format(sections.join(''), { ...(await resolveConfig(path)), parser: 'markdown' });
  return { path, before, after, ids: [...after.matchAll(/^### (\S+)/gm)].map(([, id]) => id) };
}

const found = proofs();
const problems = [];
const pages = await Promise.all(PAGES.map((page) => updated(page, found, problems)));
const rows = new Set(pages.flatMap(({ ids }) => ids));
for (const id of found.keys()) if (!rows.has(id)) problems.push(`${id} is in a test's title and in no ledger`);

if (process.argv.includes('--write')) for (const { path, after } of pages) writeFileSync(path, after);
else
  for (const { path, before, after } of pages) if (before !== after) problems.push(`${path}: run \`npm run ledger\``);
if (problems.length > 0) {
  process.stderr.write(`${problems.sort().join('\n')}\n`);
  if (process.argv.includes('--check')) process.exitCode = 1;
}
