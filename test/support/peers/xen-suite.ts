import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDiskText } from '../../../src/domain/xl-config/disk-text.js';
import { parseVifText } from '../../../src/domain/xl-config/vif-text.js';
import { differencesOf, jsonLeaves, type Leaves, type PeerCase } from './outcome.js';
import { refusing, taken } from './refusing.js';

/*
 * Xen's tools/xl/check-xl-disk-parse and check-xl-vif-parse: shell scripts that set the expected JSON of libxl's device, in a here-document,
 * and then try texts that must give it: `one 0 WORD...`, or `one 1 WORD...` for what must be refused.
 */

interface Check {
  readonly fails: boolean;
  readonly text: string;
  readonly expected: string;
}

export function readChecks(script: string): Check[] {
  const checks: Check[] = [];
  let expected = '';
  const lines = script.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const here = /^\s*expected\s*<<\s*'?(\w+)'?/.exec(line);
    if (here !== null) {
      const end = lines.indexOf(here[1], index);
      expected = lines.slice(index + 1, end).join('\n');
      index = end;
    } else if (/^\s*expected\s*<\/dev\/null/.test(line)) {
      expected = '';
    } else {
      const one = /^one\s+(\d+|\$e)\s+(.*)$/.exec(line);
      if (one !== null) checks.push({ fails: one[1] !== '0', text: shellWords(one[2]), expected });
    }
  }
  return checks;
}

/** Words of the shell, put together with commas, as xl does with those of its command line. */
function shellWords(text: string): string {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((word) => word.slice(1).find(Boolean) ?? '').join(',');
}

/** What libxl's JSON leaves out says the same as its defaults. */
const DEFAULTS = new Set(['', '0', '<default>', 'unknown', 'false']);

function leavesOf(json: unknown): Leaves {
  return new Map([...jsonLeaves(json)].filter(([, value]) => !DEFAULTS.has(value)));
}

const PLACE = { line: 1, column: 1 };
/** What is left out shows in the comparison. */
const unheard = (): void => undefined;

export function xenCases(folder: string, source: string): PeerCase[] {
  const suites = [
    ['check-xl-disk-parse', (text: string): unknown => parseDiskText({ text, at: PLACE }, 'xen-xl', unheard)],
    ['check-xl-vif-parse', (text: string): unknown => parseVifText({ text, at: PLACE }, 0, 'pv', unheard)],
  ] as const;
  return suites.flatMap(([suite, parse]) => {
    const path = join(folder, 'tools', 'xl', suite);
    if (!existsSync(path)) return [];
    return readChecks(readFileSync(path, 'utf8')).map(({ fails, text, expected }): PeerCase => ({
      suite,
      source,
      name: text,
      run: refusing(fails, () => {
        const ours = parse(text);
        if (fails) return taken(JSON.stringify(ours));
        const theirs: unknown = JSON.parse(expected.replace(/^\s*\w+:/, ''));
        return { kind: 'compared', differences: differencesOf(leavesOf(theirs), leavesOf(ours)) };
      }),
    }));
  });
}
