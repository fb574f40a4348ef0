import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));

interface Place {
  readonly at: string;
  readonly pattern: RegExp;
}

/** Every expression that the sources write as one; those that are put together from parts are few, and lint knows them. */
function expressionsOf(file: string): Place[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: Place[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const { text: literal } = node;
      const end = literal.lastIndexOf('/');
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      found.push({ at: `${file}:${line}`, pattern: new RegExp(literal.slice(1, end), literal.slice(end + 1)) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Characters that the expression may be about: those that it names, and one of each class that it may mean. */
function charactersOf({ source }: RegExp): string[] {
  const named = source.replaceAll(/\\[pP]\{\w+\}|\\[a-zA-Z]\w?/g, '').match(/[^()[\]{}?*+|^$]/gu) ?? [];
  return [...new Set([...named.slice(0, 6), 'a', 'F', '0', ' ', '\n', '=', '.', '"', '\\'])];
}

/** What leads into an expression that begins with a text of its own. */
function leadOf({ source }: RegExp): string {
  return /^\^?([\w :,./=-]*)/.exec(source)?.[1] ?? '';
}

/** Texts that keep an expression busy: something repeated, and an end that fits nothing. */
function* attacks(pattern: RegExp): Generator<(length: number) => string> {
  const characters = charactersOf(pattern);
  const lead = leadOf(pattern);
  for (const [index, first] of characters.entries()) {
    for (const second of characters.slice(index)) {
      const pump = first === second ? first : first + second;
      yield (length) => `${lead}${pump.repeat(length / pump.length)}\u0001`;
    }
  }
  for (const second of characters) yield (length) => `${lead}"${`\\${second}`.repeat(length / 2)}\u0001`;
}

/** Processor time in ms, which other work of the machine does not change. */
function timeOf(pattern: RegExp, text: string): number {
  pattern.lastIndex = 0;
  const started = process.cpuUsage();
  text.replace(pattern, '');
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

const SHORT = 1024;
/** As long as no text that is matched whole is: domain XML has a line of a MiB at most, most others far less. */
const GROWTH = 16;

/** Whether it takes much longer than in proportion. What takes a moment only is not measured against itself. */
function growsTooFast(pattern: RegExp): boolean {
  for (const attack of attacks(pattern)) {
    const [short, long] = [attack(SHORT), attack(SHORT * GROWTH)];
    if (timeOf(pattern, long) < 8) continue;
    const least = (text: string): number => Math.min(...[1, 2, 3, 4, 5].map(() => timeOf(pattern, text)));
    // In proportion is 16, quadratic is 256: what lies nearer to that by ratio grows too fast.
    if (least(long) / Math.max(0.05, least(short)) > 4 * GROWTH) return true;
  }
  return false;
}

describe('regular expressions', () => {
  const places = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap(expressionsOf);

  it('the measure finds what it looks for', () => {
    // The first is one that this program once read a peer's JSON with.
    expect(growsTooFast(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g)).toBe(true);
    expect(growsTooFast(/=+$/)).toBe(true);
    expect(growsTooFast(/\s+$/)).toBe(true);
    expect(growsTooFast(/^[a-z]+$/)).toBe(false);
  }, 240_000);

  it('each of the sources takes time in proportion to its text, whatever the text', () => {
    expect(places.length).toBeGreaterThan(100);
    expect(
      places.filter(({ pattern }) => growsTooFast(pattern)).map(({ at, pattern }) => `${at} ${String(pattern)}`),
    ).toEqual([]);
  }, 240_000);
});
