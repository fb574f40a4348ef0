import process from 'node:process';
import { printable, printableDocument, printableJson } from '../api/internal/text.js';

/** A part of a line in a colour of ours. Its text is made printable before it is painted. */
export interface Painted {
  readonly text: string;
  readonly paint: (text: string) => string;
}

/*
 * All output may contain texts of peers and guests: here each line becomes one printable line. No
 * other module writes foreign text to the terminal.
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

/** A line for the user: notices, warnings, logs; to standard error. */
export function printNote(...parts: readonly (string | Painted)[]): void {
  process.stderr.write(`${shown(parts)}\n`);
}

/** Warnings about settings without effect, one per line. */
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
