import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineDomain } from '../../../src/domain/definition/define.js';
import { toLibxlConfig } from '../../../src/domain/libxl-json/to-libxl.js';
import { context } from './context.js';
import { namedTests } from './libvirt-tests.js';
import { differencesOf, jsonLeaves, type Leaves, type PeerCase } from './outcome.js';
import { refusing } from './refusing.js';

/** What libxl leaves out of its JSON, and what says the same as being left out. */
const DEFAULTS = new Set(['', '<default>', 'unknown', '0', 'false']);

function leavesOf(json: unknown): Leaves {
  return new Map(
    [...jsonLeaves(json)].filter(
      ([path, value]) => !DEFAULTS.has(value) && !(path.startsWith('on_') && value === 'destroy'),
    ),
  );
}

/** libvirt's tests/libxlxml2domconfigdata: domain XML, and the configuration that its driver hands to libxl. */
export function libxlJsonCases(folder: string, source: string): PeerCase[] {
  return namedTests(folder, 'libxlxml2domconfigtest.c').map(({ words: [name] }) => ({
    suite: 'domain XML to libxl',
    source,
    name,
    run: refusing(false, () => {
      const file = (kind: string): string =>
        readFileSync(join(folder, 'tests', 'libxlxml2domconfigdata', `${name}.${kind}`), 'utf8');
      const { definition } = defineDomain(file('xml'), context);
      const ours: unknown = JSON.parse(JSON.stringify(toLibxlConfig(definition)));
      const theirs: unknown = JSON.parse(file('json'));
      return { kind: 'compared', differences: differencesOf(leavesOf(theirs), leavesOf(ours)) };
    }),
  }));
}
