import { describe, expect, it } from 'vitest';
import {
  CPUID_WORDS,
  featureName,
  featuresIn,
  isReported,
  tellsOf,
  wordsOf,
} from '../../../../src/domain/cpu/cpu-features.js';
import { CPU_MODELS, cpuModel, withoutTsx } from '../../../../src/domain/cpu/cpu-models.js';

const names = (features: Iterable<string> | undefined): string[] => [...(features ?? [])].sort();

describe('S30: features and the bits that Xen reports them in', () => {
  it('are where CPUID has them', () => {
    const places: [string, number, number][] = [
      ['fpu', 0, 0],
      ['pae', 0, 6],
      ['pbe', 0, 31],
      ['vmx', 1, 5],
      ['aes', 1, 25],
      ['lm', 2, 29],
      ['svm', 3, 2],
      ['xsavec', 4, 1],
      ['hle', 5, 4],
      ['rtm', 5, 11],
      ['avx512vl', 5, 31],
      ['pku', 6, 3],
      ['invtsc', 7, 8],
    ];
    for (const [name, word, bit] of places) {
      const words = Array.from({ length: CPUID_WORDS }, (_, index) => (index === word ? (1 << bit) >>> 0 : 0));
      expect(names(featuresIn(words)), name).toEqual([name]);
      expect(wordsOf([name]), name).toEqual(words);
    }
  });

  it('have one name each, and go to words and back', () => {
    const all = featuresIn(Array.from({ length: CPUID_WORDS }, () => 0xffff_ffff));
    expect(all.size).toBeGreaterThan(120);
    expect(names(featuresIn(wordsOf(all)))).toEqual(names(all));
    expect(names(all).filter((name) => featureName(name) !== name)).toEqual([]);
    expect(featureName('sse4_1')).toBe('sse4.1');
    expect(featureName('constructor')).toBe('constructor');
  });

  it('are known as far as there are words', () => {
    expect(tellsOf([0, 0, 0, 0], 'svm')).toBe(true);
    expect(tellsOf([0, 0, 0, 0], 'avx2')).toBe(false);
    // Xen's older releases mask la57; spec-ctrl is in a word that it does not give out.
    expect(['avx2', 'la57', 'spec-ctrl', 'arat', 'osxsave'].map(isReported)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(featuresIn([])).toEqual(new Set());
  });
});

describe('S31: models', () => {
  it('are each told from every other', () => {
    const seen = new Map<string, string>();
    for (const { name, features } of CPU_MODELS) {
      const key = names(features).join();
      expect(seen.get(key), name).toBeUndefined();
      seen.set(key, name);
    }
    expect(CPU_MODELS.length).toBeGreaterThan(40);
  });

  it.each([
    ['core2duo', 27, 27],
    ['Penryn', 29, 29],
    ['Nehalem', 31, 31],
    ['Westmere', 32, 32],
    ['SandyBridge', 38, 38],
    ['IvyBridge', 44, 44],
    ['Haswell-noTSX', 48, 48],
    ['Haswell', 50, 50],
    ['Broadwell', 54, 54],
    ['Skylake-Client', 62, 61],
    ['Skylake-Server', 69, 68],
    ['Cascadelake-Server-noTSX', 71, 68],
    ['Icelake-Server', 84, 79],
    ['Opteron_G1', 25, 25],
    ['Opteron_G5', 47, 47],
    ['EPYC', 65, 64],
    ['EPYC-Rome', 76, 67],
  ])('%s has %i features, %i of which Xen reports', (name, all, reported) => {
    const features = names(cpuModel(name)?.features);
    expect([features.length, features.filter(isReported).length]).toEqual([all, reported]);
  });

  it('S32: have a twin without TSX where microcode took that away', () => {
    const twins = ['Haswell', 'Haswell-IBRS', 'Broadwell', 'Skylake-Client', 'Skylake-Server-IBRS', 'Icelake-Server'];
    expect(twins.map((name) => withoutTsx(name)?.name)).toEqual([
      'Haswell-noTSX',
      'Haswell-noTSX-IBRS',
      'Broadwell-noTSX',
      'Skylake-Client-noTSX-IBRS',
      'Skylake-Server-noTSX-IBRS',
      'Icelake-Server-noTSX',
    ]);
    expect(withoutTsx('SapphireRapids')).toBeUndefined();
  });
});
