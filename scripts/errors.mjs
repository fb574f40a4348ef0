// The reference page of the error codes, from the table in src/errors/codes.ts; needs a build (`npm run build`).
//   node scripts/errors.mjs            prints the page
//   node scripts/errors.mjs --write    writes docs/reference/errors.md
//   node scripts/errors.mjs --check    fails where docs/reference/errors.md differs
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorsPage } from '../dist/errors/codes-page.js';

const PAGE = fileURLToPath(new URL('../docs/reference/errors.md', import.meta.url));
const page = errorsPage();

if (process.argv.includes('--write')) writeFileSync(PAGE, page);
else if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== page) {
    process.stderr.write('docs/reference/errors.md is out of date: run `npm run errors`\n');
    process.exitCode = 1;
  }
} else process.stdout.write(page);
