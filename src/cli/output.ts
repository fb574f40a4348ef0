import process from 'node:process';

/** A line of the result, to standard output. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A result for scripts: one JSON value on one line of standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A word to the person: notices, warnings, logs; to standard error. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows under their headings, columns as wide as they need. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column].length)));
  for (const row of [headings, ...rows]) {
    printLine(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  }
}
