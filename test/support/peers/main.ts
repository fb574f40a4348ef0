import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { cpuCases } from './cpu-suite.js';
import { readCpuMap } from './cpu-map.js';
import { KNOWN, type Known } from './known.js';
import { libxlJsonCases } from './libxl-json-suite.js';
import { nativeCases } from './native-suite.js';
import type { PeerCase } from './outcome.js';
import { protocolCases } from './protocol-x.js';
import { judge, type Verdict } from './verdict.js';
import { xenCases } from './xen-suite.js';

/* `scripts/peers`: the test data of libvirt and Xen against xenferry, as a table; exit 1 where something is wrong. */

function casesOf(root: string): PeerCase[] {
  return readdirSync(root).flatMap((name): PeerCase[] => {
    const folder = join(root, name);
    const source = name.replace('_', ' ');
    if (existsSync(join(folder, 'tools', 'xl'))) return xenCases(folder, source);
    if (!existsSync(join(folder, 'tests', 'cputest.c'))) return [];
    return [
      ...libxlJsonCases(folder, source),
      ...nativeCases(folder, source),
      ...cpuCases(folder, source, readCpuMap(folder)),
      ...protocolCases(folder, source),
    ];
  });
}

const VERDICTS: readonly Verdict[] = ['same', 'known', 'refused', 'wrong'];
const HEADS = ['suite', 'cases', 'same', 'knowingly different', 'refused rightly', 'wrong'];

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function main(root: string): void {
  const cases = casesOf(root);
  const used = new Set<Known>();
  const rows = new Map<string, Record<Verdict, number>>();
  for (const one of cases) {
    const { verdict, trouble } = judge(one, one.run(), KNOWN, used);
    const label = `${one.suite} (${one.source})`;
    const row = rows.get(label) ?? { same: 0, known: 0, refused: 0, wrong: 0 };
    row[verdict] += 1;
    rows.set(label, row);
    for (const line of trouble) print(`wrong: ${label}, ${one.name}: ${line}`);
  }
  const table = [...rows].map(([label, row]) => {
    const counts = VERDICTS.map((verdict) => row[verdict]);
    return [label, counts.reduce((a, b) => a + b, 0), ...counts].map(String);
  });
  const total = [1, 2, 3, 4, 5].map((column) => table.reduce((sum, row) => sum + Number(row[column]), 0));
  const lines = [HEADS, ...table, ['all', ...total.map(String)]];
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    print(
      line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '),
    );
  }
  const stale = KNOWN.filter((entry) => !used.has(entry));
  for (const { suite, name, what } of stale) print(`note: nothing differs any more as ${suite} ${name} ${what} says`);
  const wrong = total[4];
  print(`peers: ${total[0] - wrong} passed, ${wrong} failed, 0 skipped`);
  process.exitCode = wrong > 0 ? 1 : 0;
}

main(process.argv[2]);
