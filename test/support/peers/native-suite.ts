import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyDefaults } from '../../../src/domain/definition/defaults.js';
import { defineDomain } from '../../../src/domain/definition/define.js';
import { checkDefinition } from '../../../src/domain/definition/validate/definition.js';
import { toDomain } from '../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import type { NativeFormat } from '../../../src/domain/xl-config/formats.js';
import { fromXlConfig } from '../../../src/domain/xl-config/from-config.js';
import { parseCfg, type CfgValue } from '../../../src/domain/xl-config/syntax.js';
import { toXlConfig } from '../../../src/domain/xl-config/to-config.js';
import { parseXml } from '../../../src/xml/parse.js';
import { context } from './context.js';
import { namedTests } from './libvirt-tests.js';
import { differencesOf, type Leaves, type PeerCase } from './outcome.js';
import { refusing } from './refusing.js';
import { xmlLeaves } from './xml-leaves.js';

const FOLDERS = { 'xen-xl': 'xlconfig', 'xen-xm': 'xmconfig' } as const;

/** libvirt's tests/xlconfigdata and xmconfigdata. Its names of the two directions: «format» reads the file, «parse» writes it. */
export function nativeCases(folder: string, source: string): PeerCase[] {
  return (['xen-xl', 'xen-xm'] as const).flatMap((format) =>
    namedTests(folder, `${FOLDERS[format]}test.c`).flatMap(({ macro, words: [name] }): PeerCase[] => {
      const one = { source, name };
      const file = (kind: string): string => fileOf(folder, format, name, kind);
      return [
        ...(/FORMAT|DO_TEST$|VARS$/.test(macro)
          ? [{ ...one, suite: `${format} to domain XML`, run: refusing(false, () => fromNative(file, format)) }]
          : []),
        ...(/PARSE|DO_TEST$|VARS$/.test(macro)
          ? [{ ...one, suite: `domain XML to ${format}`, run: refusing(false, () => toNative(file, format)) }]
          : []),
      ];
    }),
  );
}

function fileOf(folder: string, format: NativeFormat, name: string, kind: string): string {
  const path = (prefix: string): string => join(folder, 'tests', `${FOLDERS[format]}data`, `${prefix}${name}.${kind}`);
  return readFileSync(existsSync(path('test-')) ? path('test-') : path(''), 'utf8');
}

function fromNative(file: (kind: string) => string, format: NativeFormat): ReturnType<PeerCase['run']> {
  const { definition } = fromXlConfig(file('cfg'), { format, makeUuid: context.makeUuid ?? (() => '') });
  const complete = applyDefaults(definition, context);
  checkDefinition(complete);
  const ours = xmlLeaves(parseXml(formatDomainXml(toDomain(complete))));
  return { kind: 'compared', differences: differencesOf(xmlLeaves(parseXml(file('xml'))), ours) };
}

function toNative(file: (kind: string) => string, format: NativeFormat): ReturnType<PeerCase['run']> {
  const { definition } = defineDomain(file('xml'), context);
  const ours = toXlConfig(definition, format);
  return { kind: 'compared', differences: differencesOf(cfgLeaves(file('cfg')), cfgLeaves(ours)) };
}

/** The settings of a file, lists item by item; a list's pairs are sorted, since their order decides nothing. */
function cfgLeaves(text: string): Leaves {
  const leaves = new Map<string, string>();
  const add = (path: string, value: CfgValue): void => {
    if (value.kind === 'list') for (const [index, item] of value.items.entries()) add(`${path}[${index}]`, item);
    else for (const [key, one] of wordsOf(path, value.text)) leaves.set(key, one);
  };
  for (const [name, value] of parseCfg(text)) add(name, value);
  return leaves;
}

const PAIRS = /^(disk|vif|vfb|channel|usbctrl|usbdev)\[/;

function wordsOf(path: string, text: string): readonly (readonly [string, string])[] {
  if (!PAIRS.test(path) || !text.includes('=')) return [[path, text]];
  return text.split(',').map((word): [string, string] => {
    const [key, ...rest] = word.trim().split('=');
    return [`${path}.${key.trim()}`, rest.join('=').trim()];
  });
}
