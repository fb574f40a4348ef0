import process from 'node:process';
import { printable, printableDocument, printableJson } from '../api/internal/text.js';

/** A part of a line in a colour of ours. Its text is made printable before it is painted. */
export interface Painted {
  readonly text: string;
  readonly paint: (text: string) => string;
}

/*
 * Whatever is printed may hold texts of peers and guests: here, at the last, each line becomes one line that shows all that is in it. No
 * other module writes to the terminal what is not of its own making.
 */

/** A line of the result, to standard output. */
export function printLine(...parts: readonly (string | Painted)[]): void {
  process.stdout.write(`${shown(parts)}\n`);
}

/** A document of several lines, to standard output: XML, a configuration. */
export function printDocument(text: string): void {
  process.stdout.write(`${printableDocument(text.trimEnd())}\n`);
}

/** A result for scripts: one JSON value on one line of standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** A line to the person: notices, warnings, logs; to standard error. */
export function printNote(...parts: readonly (string | Painted)[]): void {
  process.stderr.write(`${shown(parts)}\n`);
}

/** What was read and makes no difference, a line each. */
export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) printNote(`warning: ${warning}`);
}

/** Rows under their headings, columns as wide as they need. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    printLine(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  }
}

function shown(parts: readonly (string | Painted)[]): string {
  return parts.map((part) => (typeof part === 'string' ? printable(part) : part.paint(printable(part.text)))).join('');
}
