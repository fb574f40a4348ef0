import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

it('every test that the threat model names is there', () => {
  const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(ROOT, 'test', file), 'utf8'))
    .join('\n');
  const page = readFileSync(join(ROOT, 'docs/internals/threat-model.md'), 'utf8').replace(/\s+/g, ' ');
  const named = [...page.matchAll(/"([^"]+)"/g)].map(([, title]) => title);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((title) => !tests.includes(title))).toEqual([]);
});
