import { describe, expect, it } from 'vitest';
import { baselineCpu } from '../../../../src/domain/cpu/baseline-cpu.js';
import { compareCpu, type ReportedCpu } from '../../../../src/domain/cpu/compare-cpu.js';
import { wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import { CPU_MODELS, cpuModel } from '../../../../src/domain/cpu/cpu-models.js';
import { readCpus } from '../../../../src/domain/cpu/described-cpu.js';
import { writeCpu, type Cpu } from '../../../../src/domain/definition/cpu.js';
import { namedCpu } from '../../../../src/host/capabilities/host-cpu.js';
import { formatXml } from '../../../../src/xml/format.js';

const PLAIN = { expand: false, migratable: false };

const hostXml = (model: string, inner = ''): string => `<cpu><arch>x86_64</arch><model>${model}</model>${inner}</cpu>`;
const baseline = (xml: string, options: Partial<typeof PLAIN> = {}): Cpu =>
  baselineCpu(readCpus(xml, 'f.xml'), { ...PLAIN, ...options });
const names = ({ features }: Cpu): string[] => features.map(({ name }) => name);

/** A host, and its `<cpu>` as capabilities would have it. */
function host(model: string, ...more: readonly string[]): { reported: ReportedCpu; xml: string } {
  const reported = { arch: 'x86_64', words: wordsOf([...cpuModel(model)!.features, ...more]) };
  const named = namedCpu(reported);
  const features = named.features.map((name) => `<feature name='${name}'/>`).join('');
  return { reported, xml: `<cpu><arch>x86_64</arch><model>${named.model ?? ''}</model>${features}</cpu>` };
}

describe('S31: the CPU that hosts have in common', () => {
  it('is the newest model of all, and what they have beside it', () => {
    const found = baseline(
      hostXml('Broadwell', "<feature name='f16c'/><feature name='vmx'/>") +
        hostXml('Haswell', "<feature name='f16c'/>"),
    );
    expect(formatXml(writeCpu(found))).toBe(
      `<cpu mode='custom' match='exact'>
  <model fallback='allow'>Haswell</model>
  <feature policy='require' name='f16c'/>
</cpu>
`,
    );
  });

  it.each([
    [host('Broadwell', 'vmx', 'f16c', 'rdrand', 'vme'), host('IvyBridge', 'vmx', 'xsaveopt'), 'IvyBridge'],
    [host('Haswell', 'vmx'), host('Haswell-noTSX', 'vmx'), 'Haswell-noTSX'],
    [host('EPYC-Milan'), host('EPYC-Rome', 'topoext'), 'EPYC-Rome'],
    [host('EPYC-Genoa'), host('EPYC'), 'EPYC'],
    [host('Icelake-Server-noTSX', 'vmx'), host('Cascadelake-Server', 'vmx'), 'Cascadelake-Server-noTSX'],
    [host('Skylake-Server', 'vmx'), host('Skylake-Client', 'vmx'), 'Skylake-Client'],
    [host('Opteron_G5'), host('EPYC'), 'Opteron_G3'],
  ])('compares as identical or superset on both hosts (%#)', (one, other, model) => {
    for (const expand of [false, true]) {
      const found = baseline(one.xml + other.xml, { expand });
      expect(found.model).toBe(model);
      const [described] = readCpus(formatXml(writeCpu(found)), 'baseline.xml');
      for (const { reported } of [one, other]) {
        expect(compareCpu(reported, described)).toMatchObject({ missing: [], reasons: [] });
      }
    }
  });

  it('of one host is that host', () => {
    for (const { name } of CPU_MODELS) {
      expect(baseline(hostXml(name)), name).toMatchObject({ model: name, fallback: 'forbid', features: [] });
    }
  });

  it('names every feature where it is asked to', () => {
    const found = baseline(hostXml('Nehalem', "<feature name='vmx'/>"), { expand: true });
    expect(found.model).toBe('Nehalem');
    expect(names(found)).toEqual([...cpuModel('Nehalem')!.features, 'vmx'].sort());
    expect(new Set(found.features.map(({ policy }) => policy))).toEqual(new Set(['require']));
  });

  it('leaves out what keeps a guest from moving where it is asked to', () => {
    const xml = hostXml('Nehalem', "<feature name='invtsc'/>");
    expect(names(baseline(xml))).toEqual(['invtsc']);
    expect(names(baseline(xml, { migratable: true }))).toEqual([]);
  });

  it('takes features that Xen does not report by their names', () => {
    const xml = hostXml('Skylake-Client', "<feature name='spec-ctrl'/>");
    expect(baseline(xml).model).toBe('Skylake-Client-IBRS');
    expect(names(baseline(xml + hostXml('Broadwell', "<feature name='arat'/><feature name='new-thing'/>")))).toEqual([
      'arat',
    ]);
  });

  it('takes a CPU of a guest as what it has for sure', () => {
    const guest = `<cpu mode='custom' match='exact'><model>Haswell</model><feature policy='disable' name='rtm'/>
      <feature policy='disable' name='hle'/><feature policy='optional' name='vmx'/><feature policy='force' name='f16c'/></cpu>`;
    const found = baseline(guest + hostXml('Haswell', "<feature name='vmx'/><feature name='f16c'/>"));
    expect(found.model).toBe('Haswell-noTSX');
    expect(names(found)).toEqual(['f16c']);
  });

  it('names a vendor where all do', () => {
    const of = (vendor: string): string => hostXml('Nehalem', vendor);
    expect(baseline(of('<vendor>Intel</vendor>')).vendor).toBe('Intel');
    expect(baseline(of('<vendor>Intel</vendor>') + of('')).vendor).toBeUndefined();
  });

  it.each([
    ['of nothing', '', 'E_USAGE_CPU', 'there is no CPU'],
    [
      'of two architectures',
      `${hostXml('Haswell')}<cpu><arch>aarch64</arch><model>cortex-a53</model></cpu>`,
      'E_USAGE_CPU_ARCH',
      'x86_64, aarch64',
    ],
    [
      'of processors without models',
      '<cpu><arch>aarch64</arch><feature name="sve"/></cpu>',
      'E_USAGE_CPU_ARCH',
      'aarch64',
    ],
    ['of two vendors', hostXml('Haswell') + hostXml('EPYC'), 'E_USAGE_CPU_VENDOR', 'Intel, and AMD of CPU 2'],
    [
      'of two vendors by their names',
      hostXml('Nehalem') + hostXml('Nehalem', '<vendor>AMD</vendor>'),
      'E_USAGE_CPU_VENDOR',
      'CPU 2',
    ],
    ['of an unknown model', hostXml('Haswell') + hostXml('Z80'), 'E_USAGE_CPU_MODEL', 'Z80'],
    [
      'of what its host has',
      `${hostXml('Haswell')}<cpu mode='host-passthrough'/>`,
      'E_USAGE_CPU',
      'CPU 2: mode host-passthrough',
    ],
    ['of what says nothing', `${hostXml('Haswell')}<cpu/>`, 'E_USAGE_CPU', 'CPU 2: it names neither'],
    [
      'of what has no model in common',
      `${hostXml('Haswell')}<cpu><arch>i686</arch><feature name='fpu'/></cpu>`,
      'E_USAGE_CPU_ARCH',
      'i686',
    ],
    [
      'of too little',
      `${hostXml('Haswell')}<cpu><feature name='fpu'/></cpu>`,
      'E_USAGE_CPU_BASELINE',
      'no model in common',
    ],
  ])('%s is refused', (_what, xml, code, message) => {
    expect(() => baseline(xml)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(message) as string,
        hint: expect.stringMatching(/\.$/) as string,
      }) as Error,
    );
  });
});
