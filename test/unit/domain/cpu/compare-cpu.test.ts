import { describe, expect, it } from 'vitest';
import { compareCpu, type Comparison, type ReportedCpu } from '../../../../src/domain/cpu/compare-cpu.js';
import { incompatible } from '../../../../src/domain/cpu/cpu-error.js';
import { wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import { CPU_MODELS, cpuModel } from '../../../../src/domain/cpu/cpu-models.js';
import { readCpus } from '../../../../src/domain/cpu/described-cpu.js';

/** A host that has what Xen reports of a model, and more. */
const host = (model: string, ...more: readonly string[]): ReportedCpu => ({
  arch: 'x86_64',
  words: wordsOf([...cpuModel(model)!.features, ...more]),
});
const compare = (to: ReportedCpu, xml: string): Comparison => compareCpu(to, readCpus(xml, 'f.xml')[0]);
const guest = (model: string, inner = '', match = 'exact'): string =>
  `<cpu mode='custom' match='${match}'><model fallback='allow'>${model}</model>${inner}</cpu>`;

describe('S30: a described CPU against that of the host', () => {
  it('is identical where the host has what is asked for, and no more', () => {
    expect(compare(host('Haswell'), guest('Haswell'))).toEqual({
      result: 'identical',
      missing: [],
      unwanted: [],
      unknown: [],
      reasons: [],
      instead: undefined,
    });
    expect(compare(host('Haswell', 'vmx'), guest('Haswell', "<feature policy='require' name='vmx'/>")).result).toBe(
      'identical',
    );
  });

  it('finds a superset where the host has more', () => {
    expect(compare(host('Broadwell', 'vmx'), guest('Nehalem'))).toMatchObject({ result: 'superset', missing: [] });
    expect(compare(host('Haswell'), "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>").result).toBe(
      'superset',
    );
  });

  it('S32: names all that is missing', () => {
    const { result, missing, reasons } = compare(host('SandyBridge'), guest('IvyBridge', "<feature name='adx'/>"));
    expect(result).toBe('incompatible');
    expect(missing).toEqual(['adx', 'erms', 'f16c', 'fsgsbase', 'rdrand', 'smep', 'vme']);
    expect(reasons).toEqual(['missing features: adx, erms, f16c, fsgsbase, rdrand, smep, vme']);
  });

  it.each(CPU_MODELS.map(({ name }) => [name] as const))('every model finds itself: %s', (name) => {
    expect(compare(host(name), guest(name))).toMatchObject({ result: 'identical', missing: [] });
    expect(compare(host(name, 'xtpr'), guest(name)).result).toBe('superset');
  });

  it.each([
    ['require', 'aes', 'identical'],
    ['require', 'avx512f', 'incompatible'],
    ['force', 'avx512f', 'identical'],
    ['optional', 'avx512f', 'identical'],
    ['disable', 'avx512f', 'identical'],
    ['disable', 'aes', 'identical'],
    ['forbid', 'avx512f', 'identical'],
    ['forbid', 'aes', 'incompatible'],
  ])('policy %s of %s: %s', (policy, name, result) => {
    expect(compare(host('Haswell'), guest('Haswell', `<feature policy='${policy}' name='${name}'/>`)).result).toBe(
      result,
    );
  });

  it('the last word on a feature counts, by any of its names', () => {
    const inner = "<feature policy='require' name='sse4-1'/><feature policy='disable' name='sse4.1'/>";
    expect(compare(host('Conroe', 'cx16'), guest('Penryn', inner)).result).toBe('identical');
  });

  it('strict match: the host must not have more', () => {
    const strict = compare(host('Haswell', 'vmx'), guest('Haswell', '', 'strict'));
    expect(strict).toMatchObject({ result: 'incompatible', missing: [], unwanted: ['vmx'] });
    expect(strict.reasons).toEqual(['features that it must not have: vmx']);
    expect(compare(host('Haswell'), guest('Haswell', '', 'strict')).result).toBe('identical');
    expect(compare(host('Haswell', 'vmx'), guest('Haswell', '', 'minimum')).result).toBe('superset');
  });

  it('S32: modes that take what the host has are identical, whatever stands beside them', () => {
    for (const mode of ['host-passthrough', 'host-model', 'maximum']) {
      expect(compare(host('Penryn'), `<cpu mode='${mode}'/>`).result).toBe('identical');
      expect(compare(host('Penryn'), `<cpu mode='${mode}'><model>Icelake-Server</model></cpu>`).result).toBe(
        'identical',
      );
      const feature = (policy: string, name: string): string =>
        compare(host('Penryn'), `<cpu mode='${mode}'><feature policy='${policy}' name='${name}'/></cpu>`).result;
      expect(feature('require', 'avx')).toBe('incompatible');
      expect(feature('forbid', 'ssse3')).toBe('incompatible');
      expect(feature('disable', 'ssse3')).toBe('identical');
    }
  });

  it('of another architecture is incompatible, but for 32 bits on 64', () => {
    const of = (arch: string): Comparison =>
      compare(host('Haswell'), `<cpu><arch>${arch}</arch><model>Haswell</model></cpu>`);
    expect(of('aarch64')).toMatchObject({
      result: 'incompatible',
      reasons: ["its architecture is aarch64, the host's is x86_64"],
    });
    expect(of('i686').result).toBe('identical');
    expect(of('x86_64').result).toBe('identical');
  });

  it('of another vendor is incompatible, where the host’s features tell its own', () => {
    const of = (vendor: string): string => `<cpu><model>Opteron_G1</model><vendor>${vendor}</vendor></cpu>`;
    expect(compare(host('Haswell', 'vmx'), of('AMD')).reasons).toEqual(["its vendor is AMD, the host's is Intel"]);
    expect(compare(host('EPYC'), of('Intel')).reasons).toEqual(["its vendor is Intel, the host's is AMD or Hygon"]);
    expect(compare(host('Haswell'), of('AMD')).result).toBe('superset');
  });

  it('what Xen does not report is told and decides nothing', () => {
    expect(compare(host('Skylake-Client-IBRS'), guest('Skylake-Client-IBRS'))).toMatchObject({
      result: 'identical',
      unknown: ['arat', 'spec-ctrl'],
    });
    const four = { arch: 'x86_64', words: host('Haswell').words.slice(0, 4) };
    expect(compare(four, guest('Haswell'))).toMatchObject({ result: 'identical' });
    expect(compare(four, guest('Haswell')).unknown).toContain('rtm');
    expect(compare(four, guest('EPYC', "<feature policy='forbid' name='hle'/>"))).toMatchObject({
      result: 'incompatible',
      unwanted: [],
    });
  });

  it('a model that nobody knows is named, with those that are known', () => {
    expect(() => compare(host('Haswell'), guest('Pentium-MMX'))).toThrow(
      expect.objectContaining({
        code: 'E_USAGE_CPU_MODEL',
        message: 'unknown CPU model Pentium-MMX',
        hint: expect.stringContaining('SapphireRapids') as string,
      }) as Error,
    );
    expect(() => compare(host('Haswell'), guest('constructor'))).toThrow('unknown CPU model');
  });
});

describe('S32: transactional memory', () => {
  it('missing alone, the model without it is suggested', () => {
    const comparison = compare(host('Haswell-noTSX'), guest('Haswell'));
    expect(comparison).toMatchObject({ result: 'incompatible', missing: ['hle', 'rtm'], instead: 'Haswell-noTSX' });
    expect(incompatible('web1.xml', comparison)).toMatchObject({
      code: 'E_CPU_INCOMPATIBLE',
      message: 'CPU described in web1.xml is incompatible with host CPU: missing features: hle, rtm',
      hint: expect.stringContaining('try the CPU model Haswell-noTSX.') as string,
      data: { missing: ['hle', 'rtm'], unwanted: [] },
    });
    expect(compare(host('Haswell-noTSX', 'hle'), guest('Haswell')).instead).toBe('Haswell-noTSX');
    expect(compare(host('Skylake-Server-noTSX-IBRS'), guest('Skylake-Server')).instead).toBe(
      'Skylake-Server-noTSX-IBRS',
    );
  });

  it('is suggested for nothing else', () => {
    const insteads = [
      compare(host('SandyBridge'), guest('Haswell')),
      compare(host('Haswell-noTSX'), guest('Haswell-noTSX', "<feature name='rtm'/>")),
      compare(host('Haswell-noTSX'), guest('Haswell', "<feature name='rtm'/>")),
      compare(host('Haswell-noTSX', 'vmx'), guest('Haswell', '<vendor>AMD</vendor>')),
      compare(host('Haswell-noTSX'), guest('Haswell', "<feature policy='forbid' name='aes'/>")),
      compare(host('Haswell'), guest('Haswell')),
    ].map(({ instead }) => instead);
    expect(insteads).toEqual(insteads.map(() => undefined));
  });

  it('without a hint of that kind, another way is shown', () => {
    expect(incompatible('f', compare(host('Penryn'), guest('Haswell'))).hint).toContain('cpu-baseline');
  });
});
