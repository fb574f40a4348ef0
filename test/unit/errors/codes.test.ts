import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../src/cli/exit.js';
import { CODES, FAMILIES, rowOf, type ErrorCode } from '../../../src/errors/codes.js';
import { errorsPage } from '../../../src/errors/codes-page.js';
import type { CodeRow } from '../../../src/errors/codes/row.js';
import {
  AbortedError,
  DeadlineError,
  InvariantError,
  ProtocolError,
  RefusedError,
  StreamError,
  SystemError,
  ToolstackError,
  TunnelError,
  UsageError,
  XenferryError,
} from '../../../src/errors/errors.js';
import { libxlError } from '../../../src/toolstack/libxl/return-code.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TABLE: readonly (readonly [string, CodeRow])[] = Object.entries(CODES);

function textsBelow(folder: string, skip: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !skip.test(file))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'));
}

/** Codes that stand as literals in a text, without prefixes such as `'E_USAGE_'`. */
function literalCodes(text: string): string[] {
  return [...text.matchAll(/'(E_[A-Z0-9_]*[A-Z0-9])'/g)].map(([, code]) => code);
}

/** Beginnings of codes that are built from templates. */
function builtCodes(text: string): string[] {
  return [...text.matchAll(/`(E_[A-Z0-9_]+)\$\{/g)].map(([, prefix]) => prefix);
}

const SOURCES = textsBelow('src', /^errors\/codes/);
const IN_SOURCE = new Set(SOURCES.flatMap(literalCodes));

const withoutRow = (codes: Iterable<string>): string[] => [...codes].filter((code) => rowOf(code) === undefined);
const unused = (codes: readonly string[], used: ReadonlySet<string>): string[] =>
  codes.filter((code) => !used.has(code));

describe('the table of error codes', () => {
  it('has every code that stands in the source', () => {
    expect(IN_SOURCE.size).toBeGreaterThan(280);
    expect(withoutRow(IN_SOURCE)).toEqual([]);
  });

  it('has no code that does not stand in the source', () => {
    expect(unused(Object.keys(CODES), IN_SOURCE)).toEqual([]);
  });

  it('a made-up code is found, and a row without a use', () => {
    const text = "throw new Error('E_REFUSED_MADE_UP'); if (code.startsWith('E_REFUSED_')) f('E_SYSTEM_ENOSPC')";
    expect(withoutRow(literalCodes(text))).toEqual(['E_REFUSED_MADE_UP']);
    expect(unused(['E_USAGE_URI', 'E_SYSTEM_ENOSPC'], new Set(literalCodes(text)))).toEqual(['E_USAGE_URI']);
    // @ts-expect-error The constructors take no code that is not in the table.
    expect(new RefusedError('E_REFUSED_MADE_UP', 'x').code).toBe('E_REFUSED_MADE_UP');
  });

  it('codes are built from templates in the families only', () => {
    const starts = FAMILIES.map(({ name }) => name.replace(/<.*/, ''));
    expect(new Set(SOURCES.flatMap(builtCodes))).toEqual(new Set(starts));
    expect(builtCodes('new Error(`E_USAGE_${what}`)')).toEqual(['E_USAGE_']);
  });

  it('a family has no code that has a row of its own', () => {
    for (const { pattern, members = [] } of FAMILIES) {
      expect(Object.keys(CODES).filter((code) => pattern.test(code))).toEqual([]);
      for (const member of members) expect(member).toMatch(pattern);
    }
  });

  it('has the code of every error of libxl, by its number', () => {
    for (let rc = -1; rc >= -40; rc -= 1) {
      expect(rowOf(libxlError({ doing: 'save domain 3', rc, log: [] }).code)?.class).toBe('ToolstackError');
    }
    expect(libxlError({ doing: 'save domain 3', rc: -99, log: [] }).code).toBe('E_TOOLSTACK_UNKNOWN');
  });

  it('says in whole sentences what a code means and what to do', () => {
    for (const [code, { meaning, remedy, since }] of [
      ...TABLE,
      ...FAMILIES.map(({ name, row }) => [name, row] as const),
    ]) {
      expect.soft(meaning, code).toMatch(/^(?:[A-Z`]|libxl |xl |xenferry ).{18,}\.$/);
      expect.soft(remedy, code).toMatch(/^[A-Z`].{7,}\.$/);
      expect.soft(since, code).toMatch(/^\d+\.\d+$/);
    }
  });

  it('names the class that carries the code, with the exit code of that class', () => {
    const made: Readonly<Record<string, ((code: ErrorCode) => XenferryError) | undefined>> = {
      UsageError: (code) => new UsageError(code, 'x'),
      RefusedError: (code) => new RefusedError(code, 'x'),
      StreamError: (code) => new StreamError(code, 'x'),
      ProtocolError: (code) => new ProtocolError(code, 'x'),
      TunnelError: (code) => new TunnelError(code, 'x'),
      ToolstackError: (code) => new ToolstackError(code, 'x'),
      DeadlineError: (code) => new DeadlineError(code, 'x'),
      SystemError: (code) => new SystemError(code, 'x'),
      AbortedError: () => new AbortedError(),
      InvariantError: () => new InvariantError('x'),
      XenferryError: (code) => new XenferryError(code, 'x'),
    };
    const seen = new Set<number>();
    for (const [code, row] of TABLE) {
      const error = made[row.class]?.(code as ErrorCode);
      if (error === undefined) continue;
      expect.soft(error.code).toBe(code);
      expect.soft(row.exit, code).toBe(exitCodeOf(error));
      seen.add(exitCodeOf(error));
    }
    expect(seen).toEqual(new Set([EXIT.usage, EXIT.refused, EXIT.failed, EXIT.cancelled, EXIT.bug]));
    const others = TABLE.filter(([, row]) => made[row.class] === undefined).map(([, row]) => row.class);
    expect(new Set(others)).toEqual(new Set(['XmlError', 'CpuError', 'MigrationError']));
  });

  it('names the class that the source gives to the code', () => {
    const pairs = SOURCES.flatMap((text) => [...text.matchAll(/new (\w+Error)\(\s*'(E_\w+)'/g)]);
    const wrong = pairs
      .filter(([, name, code]) => rowOf(code)?.class !== name)
      .map(([, name, code]) => `${name} ${code}`);
    expect(pairs.length).toBeGreaterThan(250);
    expect(wrong).toEqual([]);
  });

  it('is the page docs/reference/errors.md', () => {
    const page = readFileSync(join(ROOT, 'docs/reference/errors.md'), 'utf8');
    expect(page === errorsPage(), 'run `npm run errors`').toBe(true);
    for (const [code] of TABLE) expect.soft(page).toContain(`\n### ${code}\n`);
  });
});

describe('the tests name each code', () => {
  const named = new Set(
    textsBelow('test', /errors\/codes\.test\.ts$/).flatMap((text) => text.match(/E_[A-Z0-9_]*[A-Z0-9]/g) ?? []),
  );

  it('so that there is no code that none has seen', () => {
    expect(unused(Object.keys(CODES), named)).toEqual([]);
  });
});
