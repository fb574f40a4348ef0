// The README's table of verbs, from the program itself; needs a build (`npm run build`).
//   node scripts/verbs.mjs            prints the table
//   node scripts/verbs.mjs --write    puts it into README.md
//   node scripts/verbs.mjs --check    fails where README.md has another one
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { loadVerbs } from '../dist/cli/verbs.js';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const BEGIN = '<!-- verbs: made by scripts/verbs.mjs -->';
const END = '<!-- end of verbs -->';

/** What a verb tells yargs of itself: its options, and the verbs below it. */
function heardFrom(builder) {
  const options = [];
  const below = [];
  const yargs = new Proxy(
    {},
    {
      get: (_, method) => (first, second) => {
        if (method === 'option') options.push({ name: first, ...second });
        if (method === 'options') for (const [name, one] of Object.entries(first)) options.push({ name, ...one });
        if (method === 'command') below.push(first);
        return yargs;
      },
    },
  );
  builder(yargs);
  return { options: options.filter(({ hidden }) => hidden !== true), below };
}

/** `migrate <domain> [vcpu]` as `migrate DOMAIN [VCPU]`. */
const wordsOf = (command) =>
  command
    .replace(/<([^>]+)>/g, (_, name) => name.toUpperCase())
    .replace(/\[([^\]]+)\]/g, (_, name) => `[${name.toUpperCase()}]`);

const cell = (text) => text.replaceAll('|', '\\|');

function rowsOf({ command, describe, builder }, above = '') {
  if (describe === false) return [];
  const { options, below } = heardFrom(builder ?? ((yargs) => yargs));
  if (below.length > 0) return below.flatMap((one) => rowsOf(one, `${above}${command.split(' ')[0]} `));
  const must = options.filter(({ demandOption }) => demandOption === true).map(({ name }) => `--${name} …`);
  const may = options
    .filter(({ demandOption }) => demandOption !== true)
    .map(({ name }) => `\`${name.length === 1 ? '-' : '--'}${name}\``);
  const words = [above + wordsOf(command), ...must].join(' ');
  return [`| \`${cell(words)}\` | ${cell(describe)} | ${may.join(' ')} |`];
}

const verbs = await loadVerbs([]);
const rows = [
  ...verbs.flatMap((verb) => rowsOf(verb)),
  '| `completion` | print a completion script for your shell | |',
];
const table = ['| verb | does | options |', '| --- | --- | --- |', ...rows].join('\n');

const readme = readFileSync(README, 'utf8');
const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
if (begin === -1 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`);
const current = await format(`${readme.slice(0, begin)}${BEGIN}\n\n${table}\n\n${readme.slice(end)}`, {
  ...(await resolveConfig(README)),
  parser: 'markdown',
});

if (process.argv.includes('--write')) writeFileSync(README, current);
else if (process.argv.includes('--check')) {
  if (current !== readme) {
    process.stderr.write('README.md has not the verbs of the program: run `npm run verbs`\n');
    process.exitCode = 1;
  }
} else process.stdout.write(`${table}\n`);
