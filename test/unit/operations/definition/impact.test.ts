import { describe, expect, it } from 'vitest';
import { impactOf, type ImpactFlags } from '../../../../src/operations/definition/impact.js';

const flags = (words: string): ImpactFlags => ({
  live: words.includes('live'),
  config: words.includes('config'),
  current: words.includes('current'),
  persistent: words.includes('persistent'),
});

/** What is decided for a domain that is running and persistent, only running, only persistent. */
const TABLE: readonly (readonly [words: string, both: string, transient: string, inactive: string])[] = [
  ['', 'live', 'live', 'config'],
  ['current', 'live', 'live', 'config'],
  ['live', 'live', 'live', 'E_REFUSED_NOT_RUNNING'],
  ['config', 'config', 'E_REFUSED_TRANSIENT', 'config'],
  ['live config', 'live config', 'E_REFUSED_TRANSIENT', 'E_REFUSED_NOT_RUNNING'],
  ['persistent', 'live config', 'E_REFUSED_TRANSIENT', 'config'],
  ['persistent live', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT'],
  ['current live', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT'],
  ['current config', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT', 'E_USAGE_IMPACT'],
];

describe('S17: what a change is for', () => {
  const kinds = [
    { kind: 'running and persistent', isActive: true, isPersistent: true, column: 1 },
    { kind: 'transient', isActive: true, isPersistent: false, column: 2 },
    { kind: 'shut off', isActive: false, isPersistent: true, column: 3 },
  ] as const;
  for (const { kind, column, ...is } of kinds) {
    it.each(TABLE.map((row) => [row[0], row[column]]))(`--%s on one that is ${kind}: %s`, (words, decided) => {
      const decide = (): string => {
        const { live, config } = impactOf(flags(words), { name: 'web1', ...is });
        return [...(live ? ['live'] : []), ...(config ? ['config'] : [])].join(' ');
      };
      if (decided.startsWith('E_')) expect(decide).toThrow(expect.objectContaining({ code: decided }));
      else expect(decide()).toBe(decided);
    });
  }
});
