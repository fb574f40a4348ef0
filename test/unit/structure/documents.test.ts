import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGES = [
  ...readdirSync(ROOT).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** Headings as GitHub makes anchors of them. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of a page that lead nowhere: `page: target`. `read` gives the text of a file, undefined where there is none. */
function brokenLinks(page: string, text: string, read: (path: string) => string | undefined): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path, anchor] = target.split('#') as [string, string | undefined];
      const file = path === '' ? page : join(dirname(page), path);
      const there = path === '' ? text : read(file);
      return there === undefined || (anchor !== undefined && !anchorsOf(there).has(anchor));
    })
    .map((target) => `${page}: ${target}`);
}

const readPage = (path: string): string | undefined => {
  const file = join(ROOT, path);
  if (relative(ROOT, file).startsWith('..') || !existsSync(file)) return undefined;
  return statSync(file).isDirectory() ? '' : readFileSync(file, 'utf8');
};

describe('documents', () => {
  it('have links that lead somewhere', () => {
    expect(PAGES.length).toBeGreaterThan(15);
    expect(PAGES.flatMap((page) => brokenLinks(page, readPage(page)!, readPage))).toEqual([]);
  });

  it('a link to a missing page, or to a missing heading, is found', () => {
    const text = '# A\n[a](b.md) [b](#a) [c](#c) [d](https://x.example/) `[e](e.md)`';
    expect(brokenLinks('p.md', text, () => undefined)).toEqual(['p.md: b.md', 'p.md: #c']);
  });

  it('the README fits into 8 kB', () => {
    expect(Buffer.byteLength(readPage('README.md')!)).toBeLessThanOrEqual(8192);
  });

  it('every page below docs is reached from docs/README.md', () => {
    const seen = new Set<string>();
    const visit = (page: string): void => {
      const text = readPage(page);
      if (seen.has(page) || text === undefined) return;
      seen.add(page);
      for (const [, target] of text.matchAll(/\]\(([^)\s#]+\.md)[^)]*\)/g)) visit(join(dirname(page), target));
    };
    visit(join('docs', 'README.md'));
    expect(PAGES.filter((page) => page.startsWith('docs/') && !seen.has(page))).toEqual([]);
  });
});
