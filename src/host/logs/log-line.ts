import { createHash } from 'node:crypto';
import { printableLine } from '../../errors/printable.js';

/** Levels of lines, the lowest first. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a line of this level is written if `least` is configured. */
export function matters(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** libxl 4.9 and later name the domain: `file.c:12:function: Domain 7:text` (facts 3.11). */
const MARKER = /(?:^|: )Domain (\d{1,5}):/;

/** The id of the domain that a line of libxl concerns. */
export function domidIn(text: string): number | undefined {
  const found = MARKER.exec(text);
  return found === null ? undefined : Number(found[1]);
}

/** `2026-11-23T08:00:00.123Z: libxl: warning: text`: printable, and never more than one line. */
export function formatLine(at: Date, context: string, level: LogLevel, text: string): string {
  return `${at.toISOString()}: ${context}: ${level}: ${printableLine(text.trimEnd())}\n`;
}

/** When a line was written, in ms since the epoch; undefined for any other line. */
export function timeOf(line: string): number | undefined {
  const at = Date.parse(line.slice(0, line.indexOf(': ')));
  return Number.isNaN(at) ? undefined : at;
}

/** File names have at most 255 bytes: this leaves room for the suffix of shortened names, and for `.log.100.lock`. */
const MAX_FILE_CHARS = 200;

/** The file of a domain's log. No name leaves the folder, is hidden, or equals another's. */
export function logFileName(domain: string): string {
  const safe = domain.replace(/[^A-Za-z0-9._@+-]|^[.-]/g, (letter) => {
    const bytes = Buffer.from(letter).toString('hex').toUpperCase();
    return bytes.replace(/../g, '%$&');
  });
  // An unshortened name contains no tilde.
  if (safe.length <= MAX_FILE_CHARS) return `${safe}.log`;
  const short = safe.slice(0, MAX_FILE_CHARS).replace(/%.?$/, '');
  return `${short}~${createHash('sha256').update(domain).digest('hex').slice(0, 16)}.log`;
}
