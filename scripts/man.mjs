// The manual pages, from the verbs and the keys of the configuration; needs a build (`npm run build`).
//   node scripts/man.mjs [FOLDER]    writes xenferry.1, a page for each group of verbs, and xenferry.conf.5; dist/man by default
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERB_GROUPS } from '../dist/cli/verb-list.js';
import { CONFIG_TEXTS } from '../dist/host/config/config-keys.js';
import { COMMON_OPTIONS, flagsOf, notesOf, verbTable } from './verb-table.mjs';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const folder = process.argv[2] ?? fileURLToPath(new URL('../dist/man', import.meta.url));

/** Text as roff: backslashes and hyphens kept as they are, no line begins with a control character. */
const roff = (text) =>
  String(text ?? '')
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/…/g, '...')
    .replace(/^([.'])/gm, '\\&$1');
/** Markdown of the configuration's texts: code in bold, links by their words. */
const fromMarkdown = (text) => roff(text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')).replace(/`([^`]+)`/g, '\\fB$1\\fR');
const bold = (text) => `\\fB${roff(text)}\\fR`;

const groupPage = (heading) => `xenferry-${heading.toLowerCase()}`;
const header = (name, section, title) => [
  '.\\" Generated; do not edit.',
  `.TH ${name.toUpperCase()} ${section} "" "xenferry ${version}" "${title}"`,
  '.SH NAME',
];

function item(term, text) {
  return ['.TP', term, text];
}

function optionItem(option) {
  const value =
    option.type === 'string' || option.type === 'number' || option.choices !== undefined ? ' \\fIVALUE\\fR' : '';
  const notes = notesOf(option);
  return item(
    `${flagsOf(option).map(bold).join(', ')}${value}`,
    `${roff(option.describe)}${notes.length > 0 ? ` (${roff(notes.join('; '))})` : ''}`,
  );
}

function verbSection({ synopsis, describe, positionals, options, examples }) {
  const lines = ['.SS', bold(`xenferry ${synopsis}`), `${roff(describe)}.`];
  lines[0] = `.SS ${bold(`xenferry ${synopsis}`).replace(/ /g, '\\ ')}`;
  lines.splice(1, 1);
  for (const { name, describe: meaning } of positionals.filter((one) => one.describe !== undefined))
    lines.push(...item(`\\fI${roff(name.toUpperCase())}\\fR`, roff(meaning)));
  for (const option of options) lines.push(...optionItem(option));
  for (const { command, meaning } of examples)
    lines.push(
      '.PP',
      `Example${meaning ? `: ${roff(meaning)}` : ''}`,
      '.PP',
      '.RS',
      bold(command.replaceAll('$0', 'xenferry')),
      '.RE',
    );
  return lines;
}

const verbs = await verbTable();
const ofGroup = (names) => names.flatMap((name) => verbs.filter((verb) => verb.name.split(' ')[0] === name));

const pages = new Map();
pages.set('xenferry.1', [
  ...header('xenferry', 1, 'xenferry'),
  'xenferry \\- move running Xen domains between hosts',
  '.SH SYNOPSIS',
  '.B xenferry',
  '\\fIVERB\\fR [\\fIOPTIONS\\fR]',
  '.SH DESCRIPTION',
  'Moves running Xen domains between hosts through one encrypted tunnel, and manages the domains of a host.',
  'Each group of verbs has a page of its own.',
  '.SH OPTIONS',
  'Every verb also takes:',
  ...COMMON_OPTIONS.flatMap(optionItem),
  ...VERB_GROUPS.flatMap(([heading, names]) => [
    `.SH ${heading.toUpperCase()} VERBS`,
    `See \\fB${roff(groupPage(heading))}\\fR(1).`,
    ...ofGroup(names).flatMap((verb) => item(bold(verb.name), `${roff(verb.describe)}.`)),
  ]),
  '.SH EXIT STATUS',
  '0 done, 1 failed, 2 usage, 3 refused, 4 not running, 5 in doubt, 6 partly done, 70 bug, 130 cancelled.',
  '.SH FILES',
  ...item(bold('/etc/xenferry/xenferry.conf'), 'configuration, see \\fBxenferry.conf\\fR(5)'),
  ...item(bold('/var/lib/xenferry'), 'definitions, journals and job locks'),
  '.SH SEE ALSO',
  `${VERB_GROUPS.map(([heading]) => `\\fB${roff(groupPage(heading))}\\fR(1)`).join(',\n')},\n\\fBxenferry.conf\\fR(5)`,
]);
for (const [heading, names] of VERB_GROUPS) {
  const page = groupPage(heading);
  pages.set(`${page}.1`, [
    ...header(page, 1, 'xenferry'),
    `${roff(page)} \\- the verbs of xenferry: ${roff(heading.toLowerCase())}`,
    '.SH VERBS',
    ...ofGroup(names).flatMap(verbSection),
    '.SH SEE ALSO',
    '\\fBxenferry\\fR(1), \\fBxenferry.conf\\fR(5)',
  ]);
}
pages.set('xenferry.conf.5', [
  ...header('xenferry.conf', 5, 'xenferry'),
  'xenferry.conf \\- configuration of xenferry',
  '.SH DESCRIPTION',
  'A TOML file: \\fB/etc/xenferry/xenferry.conf\\fR for root, \\fB~/.config/xenferry/xenferry.conf\\fR for other users.',
  '\\fBxenferry config\\-check\\fR names every mistake in it.',
  '.SH KEYS',
  ...Object.entries(CONFIG_TEXTS).flatMap(([key, { meaning, preset, example }]) => [
    ...item(bold(key), fromMarkdown(meaning)),
    '.br',
    `Default: ${fromMarkdown(preset)}. Example: ${bold(`${key.split('.').at(-1)} = ${example}`)}`,
  ]),
  '.SH SEE ALSO',
  '\\fBxenferry\\fR(1)',
]);

mkdirSync(folder, { recursive: true });
for (const [name, lines] of pages) writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
