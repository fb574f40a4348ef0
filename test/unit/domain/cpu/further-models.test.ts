import { describe, expect, it } from 'vitest';
import { compareCpu } from '../../../../src/domain/cpu/compare-cpu.js';
import { wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import { CPU_MODELS, cpuModel } from '../../../../src/domain/cpu/cpu-models.js';
import {
  featureAt,
  featureOfLibxl,
  isFeature,
  libxlNameOf,
  settableBit,
} from '../../../../src/domain/cpu/cpuid-names.js';
import { readCpus } from '../../../../src/domain/cpu/described-cpu.js';
import { MODEL_ALIASES } from '../../../../src/domain/cpu/further-cpu-models.js';
import { UsageError } from '../../../../src/errors/errors.js';

describe('models of CPUs that others name', () => {
  it('are read with a version: the same model as its plain name, or as the variant that it stands for', () => {
    expect(cpuModel('IvyBridge-v1')).toBe(cpuModel('IvyBridge'));
    expect(cpuModel('IvyBridge-v2')).toBe(cpuModel('IvyBridge-IBRS'));
    const host = { arch: 'x86_64', words: wordsOf(cpuModel('Haswell')!.features) };
    const [asked] = readCpus(
      '<cpu><arch>x86_64</arch><model>IvyBridge-v1</model><vendor>Intel</vendor></cpu>',
      'f.xml',
    );
    expect(compareCpu(host, asked)).toMatchObject({ result: 'incompatible', missing: ['f16c', 'rdrand', 'vme'] });
  });

  it.each(['Snowridge', 'Denverton', 'SierraForest', 'Icelake-Client', 'n270', 'kvm64', 'qemu64', 'pentium3', '486'])(
    '%s is known, and no host is said to be one',
    (name) => {
      expect(cpuModel(name)!.features.size).toBeGreaterThan(2);
      expect(CPU_MODELS.map((model) => model.name)).not.toContain(name);
    },
  );

  it('have aliases that lead to a model', () => {
    for (const [alias, model] of MODEL_ALIASES) expect(cpuModel(alias)?.name, alias).toBe(model);
  });

  it('pentium3 is of no maker: of a vendor it asks what the description asks', () => {
    const host = { arch: 'x86_64', words: wordsOf([...cpuModel('Haswell')!.features, 'vme', 'vmx']) };
    expect(compareCpu(host, readCpus('<cpu><model>pentium3</model></cpu>', 'f.xml')[0]).result).toBe('superset');
    const amd = readCpus('<cpu><model>pentium3</model><vendor>AMD</vendor></cpu>', 'f.xml')[0];
    expect(compareCpu(host, amd).result).toBe('incompatible');
  });

  it('a feature that nobody knows is an error in a comparison, one that Xen does not report is not', () => {
    const host = { arch: 'x86_64', words: wordsOf(cpuModel('Haswell')!.features) };
    const compare = (name: string): unknown =>
      compareCpu(host, readCpus(`<cpu><model>Haswell</model><feature name='${name}'/></cpu>`, 'f.xml')[0]).result;
    expect(compare('vmx-ept')).toBe('identical');
    expect(compare('rdctl-no')).toBe('identical');
    expect(() => compare('ssse33')).toThrow(UsageError);
    expect(() => compare('ssse33')).toThrow(
      expect.objectContaining({ code: 'E_USAGE_CPU_FEATURE', message: 'unknown CPU feature ssse33' }),
    );
  });
});

describe("names of features, libvirt's and libxl's", () => {
  it.each([
    ['pni', 'sse3'],
    ['pdpe1gb', 'page1gb'],
    ['clflush', 'clfsh'],
    ['cx16', 'cmpxchg16'],
    ['cx8', 'cmpxchg8'],
    ['sep', 'sysenter'],
    ['spec-ctrl', 'ibrsb'],
    ['lahf_lm', 'lahfsahf'],
    ['cr8legacy', 'altmovcr8'],
    ['avx512f', 'avx512f'],
    ['tm', 'tm'],
  ])('%s is %s to libxl, and the other way round', (libvirt, libxl) => {
    expect(libxlNameOf(libvirt)).toBe(libxl);
    expect(featureOfLibxl(libxl)).toBe(libvirt);
  });

  it("never takes a name for libxl's that means something else there", () => {
    // EBX of leaf 1, eight bits.
    expect(featureOfLibxl('clflush')).toBeUndefined();
    // A bit of a register of its own to libvirt, of leaf 80000008 to libxl.
    expect(libxlNameOf('ssb-no')).toBeUndefined();
    expect(settableBit('ssb-no')).toBeUndefined();
    expect(featureOfLibxl('ssb-no')).toBe('amd-no-ssb');
    expect(libxlNameOf('perfmon-v2')).toBeUndefined();
    expect(isFeature('perfmon-v2')).toBe(true);
    expect(isFeature('sse3')).toBe(false); // an alias, which is resolved before
  });

  it('finds a feature at its place, and what libxl alone has by its name there', () => {
    expect(featureAt({ leaf: 7, subleaf: 0, register: 'ebx', bit: 20 })).toBe('smap');
    expect(featureAt({ leaf: 1, subleaf: undefined, register: 'ecx', bit: 0 })).toBe('pni');
    expect(featureAt({ leaf: 7, subleaf: 0, register: 'ecx', bit: 7 })).toBe('cet-ss');
    expect(libxlNameOf('cet-ss')).toBe('cet-ss');
    expect(featureAt({ leaf: 1, subleaf: undefined, register: 'ebx', bit: 8 })).toBeUndefined();
  });
});
