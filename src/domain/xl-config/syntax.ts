import { UsageError } from '../../errors/errors.js';
import { byteOf, decodeKeeping, isWrongByte } from './utf8.js';

/*
 * The grammar of xl.cfg(5), "SYNTAX OF CONFIGURATION FILES", as parsed by libxlu: one `name = value` per line, or
 * separated by `;`, `+=` appends; a value is a string in either quotes, a number, or a list in brackets that may span
 * lines; `#` starts a comment. Python is not supported, as in xl.
 */

/** A position in the file, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type CfgValue =
  | { readonly kind: 'text'; readonly text: string; readonly at: Place }
  | { readonly kind: 'list'; readonly items: readonly CfgValue[]; readonly at: Place };

/** Settings by name, in their order. */
export type CfgFile = ReadonlyMap<string, CfgValue>;

/** Real configurations are a few KiB. */
const MAX_CHARS = 1024 * 1024;
/** Of UTF-8. */
const MAX_BYTES_PER_CHAR = 4;
const MAX_SETTINGS = 1024;
const MAX_ITEMS = 1024;
/** `vnuma` is a list of lists. */
const MAX_DEPTH = 4;

const CHECK_WITH_XL = 'xl.cfg(5) describes the form; `xl create -n FILE` on a Xen host checks it as well.';

/** @param hint the remedy, if xl accepts the file */
export function badConfig(at: Place, why: string, hint = CHECK_WITH_XL): UsageError {
  return new UsageError('E_USAGE_XL_CONFIG', `line ${at.line}, column ${at.column}: ${why}`, {
    hint,
    data: { line: at.line, column: at.column },
  });
}

/** xl passes such bytes on unchanged; domain XML and libxl's JSON cannot contain them. */
function wrongByte(char: string, at: Place): UsageError {
  const byte = byteOf(char).toString(16).padStart(2, '0');
  return badConfig(
    at,
    `the byte 0x${byte} is not UTF-8, which domain XML is written in`,
    'Convert the file, for example with `iconv -f ISO-8859-1 -t UTF-8 FILE`.',
  );
}

interface Token {
  readonly kind: 'name' | 'text' | 'mark' | 'end';
  /** A text's characters with escapes resolved; a punctuation mark itself, `\n` for the end of a line. */
  readonly text: string;
  readonly at: Place;
}

const PATTERNS = {
  blank: /[ \t\r]+/y,
  comment: /#[^\n]*/y,
  name: /[a-z][._0-9a-z]*/y,
  number: /[0-9][0-9a-fx]*/y,
  text: /'(?:[^'\\\n]|\\[^\n])*'|"(?:[^"\\\n]|\\[^\n])*"/y,
  mark: /\+=|[=,;[\]\n]/y,
} as const;

const ESCAPES: Readonly<Record<string, string | undefined>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const NUMERIC = 'Write the character itself: xl.cfg has no other form for it that works.';

/**
 * The characters of a string: a letter after `\` as in C; escapes that libxlu refuses are refused, as are numeric ones,
 * which it drops.
 */
function dequote(quoted: string, at: Place): string {
  let text = '';
  for (let index = 1; index < quoted.length - 1; index += 1) {
    const char = quoted.charAt(index);
    const place = { line: at.line, column: at.column + index };
    if (isWrongByte(char)) throw wrongByte(char, place);
    if (char !== '\\') {
      text += char;
      continue;
    }
    index += 1;
    const escaped = quoted.charAt(index);
    const found = Object.hasOwn(ESCAPES, escaped) ? ESCAPES[escaped] : undefined;
    if (found === undefined) {
      const isNumber = /[0-7x]/.test(escaped);
      const why = isNumber ? 'xl loses a character that is written as a number' : 'xl takes no such character after \\';
      throw badConfig(place, `${JSON.stringify(`\\${escaped}`)}: ${why}`, isNumber ? NUMERIC : undefined);
    }
    text += found;
  }
  return text;
}

class Lexer {
  #offset = 0;
  #line = 1;
  #lineStart = 0;

  constructor(private readonly source: string) {}

  next(): Token {
    while (this.#take(PATTERNS.blank) !== undefined || this.#take(PATTERNS.comment) !== undefined);
    const at = { line: this.#line, column: this.#offset - this.#lineStart + 1 };
    if (this.#offset >= this.source.length) return { kind: 'end', text: '', at };
    const mark = this.#take(PATTERNS.mark);
    if (mark === '\n') {
      this.#line += 1;
      this.#lineStart = this.#offset;
    }
    if (mark !== undefined) return { kind: 'mark', text: mark, at };
    const name = this.#take(PATTERNS.name);
    if (name !== undefined) return { kind: 'name', text: name, at };
    const number = this.#take(PATTERNS.number);
    if (number !== undefined) return { kind: 'text', text: number, at };
    const text = this.#take(PATTERNS.text);
    if (text !== undefined) return { kind: 'text', text: dequote(text, at), at };
    const char = this.source.charAt(this.#offset);
    if (isWrongByte(char)) throw wrongByte(char, at);
    const isQuote = char === "'" || char === '"';
    throw badConfig(
      at,
      isQuote ? 'this string does not end on its line' : `${JSON.stringify(char)} is not expected here`,
    );
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.source)?.[0];
    if (found !== undefined) this.#offset += found.length;
    return found;
  }
}

class Parser {
  readonly #lexer: Lexer;
  #token: Token;

  constructor(source: string) {
    this.#lexer = new Lexer(source);
    this.#token = this.#lexer.next();
  }

  file(): Map<string, CfgValue> {
    const settings = new Map<string, CfgValue>();
    while (this.#token.kind !== 'end') {
      if (this.#isMark('\n') || this.#isMark(';')) this.#advance();
      else this.#setting(settings);
    }
    return settings;
  }

  #setting(settings: Map<string, CfgValue>): void {
    const name = this.#token;
    if (name.kind !== 'name') throw badConfig(name.at, `a setting must begin with its name, not ${this.#seen()}`);
    if (settings.size >= MAX_SETTINGS) throw badConfig(name.at, `there are more than ${MAX_SETTINGS} settings`);
    this.#advance();
    const adds = this.#isMark('+=');
    if (!adds && !this.#isMark('=')) throw badConfig(this.#token.at, `'=' is missing after ${name.text}`);
    this.#advance();
    const value = this.#value(0);
    if (this.#token.kind !== 'end' && !this.#isMark('\n') && !this.#isMark(';')) {
      throw badConfig(this.#token.at, `the setting ${name.text} should end here, before ${this.#seen()}`);
    }
    const before = adds ? settings.get(name.text) : undefined;
    settings.set(name.text, before === undefined ? value : added(before, value));
  }

  #value(depth: number): CfgValue {
    const { kind, text, at } = this.#token;
    if (kind === 'text') {
      this.#advance();
      return { kind, text, at };
    }
    if (!this.#isMark('[')) throw badConfig(at, `a value must be a string, a number or a list, not ${this.#seen()}`);
    if (depth >= MAX_DEPTH) throw badConfig(at, `lists nest deeper than ${MAX_DEPTH}`);
    this.#advance();
    return { kind: 'list', items: this.#items(depth), at };
  }

  #items(depth: number): CfgValue[] {
    const items: CfgValue[] = [];
    for (;;) {
      this.#skipLines();
      if (this.#isMark(']')) break;
      if (items.length >= MAX_ITEMS) throw badConfig(this.#token.at, `the list has more than ${MAX_ITEMS} items`);
      items.push(this.#value(depth + 1));
      this.#skipLines();
      if (this.#isMark(']')) break;
      if (!this.#isMark(',')) throw badConfig(this.#token.at, `',' or ']' is missing before ${this.#seen()}`);
      this.#advance();
    }
    this.#advance();
    return items;
  }

  #skipLines(): void {
    while (this.#isMark('\n')) this.#advance();
  }

  #isMark(text: string): boolean {
    return this.#token.kind === 'mark' && this.#token.text === text;
  }

  #advance(): void {
    this.#token = this.#lexer.next();
  }

  #seen(): string {
    if (this.#token.kind === 'end') return 'the end of the file';
    return this.#token.text === '\n' ? 'the end of the line' : JSON.stringify(this.#token.text);
  }
}

/** `+=`: appends a list to a list, a string to a string. */
function added(before: CfgValue, value: CfgValue): CfgValue {
  if (before.kind === 'list' && value.kind === 'list') {
    const items = [...before.items, ...value.items];
    if (items.length > MAX_ITEMS) throw badConfig(value.at, `the list has more than ${MAX_ITEMS} items`);
    return { kind: 'list', items, at: before.at };
  }
  if (before.kind === 'text' && value.kind === 'text') {
    return { kind: 'text', text: before.text + value.text, at: before.at };
  }
  throw badConfig(value.at, 'a list and a string cannot be added to each other');
}

/**
 * @param given the file's text or bytes; bytes that are not UTF-8 are allowed in comments only
 * @throws UsageError `E_USAGE_XL_CONFIG` with line and column
 */
export function parseCfg(given: string | Uint8Array): CfgFile {
  if (given.length > MAX_CHARS * MAX_BYTES_PER_CHAR) {
    throw badConfig({ line: 1, column: 1 }, `the file has ${given.length} bytes, over the limit ${MAX_CHARS}`);
  }
  const source = typeof given === 'string' ? given : decodeKeeping(given);
  if (source.length > MAX_CHARS) {
    throw badConfig({ line: 1, column: 1 }, `the file has ${source.length} characters, over the limit ${MAX_CHARS}`);
  }
  return new Parser(source).file();
}

export type CfgOut = string | number | readonly CfgOut[];

function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)
    .replaceAll('\t', String.raw`\t`);
  return `"${escaped}"`;
}

function formatValue(value: CfgOut, indent: string): string {
  if (typeof value === 'string') return quoted(value);
  // The grammar has no signs.
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? String(value) : quoted(String(value));
  const inner = `${indent}    `;
  return `[\n${value.map((item) => `${inner}${formatValue(item, inner)},\n`).join('')}${indent}]`;
}

/** One setting per line; `parseCfg` of the result gives the same settings. */
export function formatCfg(settings: ReadonlyMap<string, CfgOut>): string {
  return [...settings].map(([name, value]) => `${name} = ${formatValue(value, '')}\n`).join('');
}
