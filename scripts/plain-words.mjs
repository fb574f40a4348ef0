// Warns of words in comments and texts that CONTRIBUTING.md replaces: `node scripts/plain-words.mjs [FOLDER...]`, by default
// src. It fails nothing: whether a word is right at its place is for a person to judge.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** What to look for, and what to write instead. */
const WORDS = [
  [/\b(?:no|some|any)body\b|\bwhoever\b/i, 'the component or role that acts'],
  [/\btold\b|\btells? of\b/i, 'reported, sent, or a verb of its own'],
  [/\b(?:comes?|came|coming) to nothing\b/i, 'fails'],
  [/\bgo(?:es)? along\b/i, 'is sent with, takes part'],
  [/\bin vain\b/i, 'without effect'],
  [/\bpass(?:ed|es)? over\b(?! (?:all |)memory)/i, 'ignored'],
  [/\bbehind (?:it|that|this|them|the (?:last|end|commit))\b/i, 'after'],
  [/\bbeside\b/i, 'in addition to, next to'],
  [/\bwithout a word\b/i, 'by default, silently'],
  [/\b(?:has|have) gone\b/i, 'is gone, has ended'],
  [/\blets? go of\b/i, 'releases'],
];

const root = fileURLToPath(new URL('..', import.meta.url));

/** Comments and texts of a source, each with its position. */
function textsOf(file, source) {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const texts = new Map();
  const visit = (node) => {
    const comments = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ];
    for (const { pos, end } of comments) texts.set(pos, source.slice(pos, end));
    // A single word, such as the name of a user, is not prose.
    if ((ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)) && node.text.includes(' '))
      texts.set(node.getStart(), node.getText());
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return texts;
}

/** `FILE:LINE: "WORD": write …` for each word found. */
function findings(file, source) {
  const found = [];
  for (const [start, text] of textsOf(file, source)) {
    text.split('\n').forEach((line, offset) => {
      for (const [word, instead] of WORDS) {
        const match = word.exec(line);
        if (match === null) continue;
        const number = source.slice(0, start).split('\n').length + offset;
        found.push(`${file}:${number}: "${match[0]}": write ${instead}`);
      }
    });
  }
  return found;
}

const sources = (process.argv.length > 2 ? process.argv.slice(2) : ['src']).flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
const warnings = sources.sort().flatMap((file) => findings(file, readFileSync(join(root, file), 'utf8')));
for (const warning of warnings) console.warn(`warning: ${warning}`);
if (warnings.length > 0) console.warn(`plain-words: ${warnings.length} words to look at; CONTRIBUTING.md says why`);
