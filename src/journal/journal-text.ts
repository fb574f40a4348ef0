import { crc32 } from 'node:zlib';
import { XenferryError } from '../errors/errors.js';
import { printableJson } from '../errors/printable.js';
import { headerSchema, stateSchema, type JournalHeader, type JournalState } from './records.js';

/** A record line is at most this long; ours are a few hundred bytes. */
const MAX_LINE_BYTES = 64 * 1024;

/** The contents of a journal file. */
export interface JournalEntry {
  readonly header: JournalHeader;
  /** The last durable state, or undefined where the process died before the first. */
  readonly state: JournalState | undefined;
}

/** A record as its line: checksum, JSON, line feed. */
export function journalLine(record: unknown): string {
  const json = printableJson(record);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** The record in a line, or undefined if the line is not complete. */
function readLine(text: string): unknown {
  const json = text.slice(9);
  if (text.length < 10 || text.length > MAX_LINE_BYTES || text[8] !== ' ') return undefined;
  if (crc32(json) !== Number.parseInt(text.slice(0, 8), 16)) return undefined;
  return JSON.parse(json) as unknown;
}

/**
 * Whether a line that is not a complete record can be the result of a crash: it is the last, and lacks its line feed or
 * has zeros where a page never reached the disk. Any other line was complete once and may have been acted upon; so was
 * one that starts with a complete record, since then only its line feed was changed.
 */
function isTorn(lines: readonly string[], index: number): boolean {
  const text = lines[index];
  const isCutOff = index === lines.length - 1;
  const hasZeros = index === lines.length - 2 && lines[lines.length - 1] === '' && text.includes('\0');
  if (!isCutOff && !hasZeros) return false;
  for (let end = text.indexOf('}'); end !== -1 && end < MAX_LINE_BYTES; end = text.indexOf('}', end + 1)) {
    if (readLine(text.slice(0, end + 1)) !== undefined) return false;
  }
  return true;
}

/**
 * Parses a journal: a header, and states of which the last counts. A last line that a crash has torn is ignored.
 * @param path the file's path, for messages
 * @returns undefined if not even the header is complete
 * @throws XenferryError `E_JOURNAL_DAMAGED` if a line is damaged that was complete once
 */
export function readJournalText(text: string, path: string): JournalEntry | undefined {
  const lines = text.split('\n');
  let header: JournalHeader | undefined;
  let state: JournalState | undefined;
  for (const [index, content] of lines.entries()) {
    if (content === '') continue;
    try {
      const record = readLine(content);
      if (record === undefined) throw damaged(path, index + 1);
      if (header === undefined) header = headerSchema.parse(record);
      else state = stateSchema.parse(record);
    } catch (error) {
      // A crash can tear the last line only; the state in it was never acted upon.
      if (error instanceof XenferryError && isTorn(lines, index)) break;
      throw damaged(path, index + 1, error);
    }
  }
  return header === undefined ? undefined : { header, state };
}

function damaged(path: string, lineNumber: number, cause?: unknown): XenferryError {
  return new XenferryError('E_JOURNAL_DAMAGED', `${path}, line ${lineNumber}: not a complete journal record`, {
    hint: 'Keep the file and report it: only a torn last line can come from a crash.',
    cause,
  });
}
