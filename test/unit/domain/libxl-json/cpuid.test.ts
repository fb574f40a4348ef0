import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CpuFeature } from '../../../../src/domain/definition/cpu.js';
import { defineDomain } from '../../../../src/domain/definition/define.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { cpuidFromJson, cpuidToJson } from '../../../../src/domain/libxl-json/cpuid.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { configSchema } from '../../../../src/domain/libxl-json/schema.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { fromXlConfig } from '../../../../src/domain/xl-config/from-config.js';
import { toXlConfig } from '../../../../src/domain/xl-config/to-config.js';
import { RefusedError } from '../../../../src/errors/errors.js';

const context = { randomOctets: (): [number, number, number] => [1, 2, 3], makeUuid: () => UUID, carryUnknown: true };
const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const define = (cpu: string): Definition =>
  defineDomain(
    `<domain type='xen'><name>calc</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type machine='xenfv'>hvm</type></os>${cpu}</domain>`,
    context,
  ).definition;
const buildInfo = (cpu: string): Record<string, unknown> =>
  toLibxlConfig(define(cpu)).b_info as Record<string, unknown>;
const passthrough = (...features: string[]): string => `<cpu mode='host-passthrough'>${features.join('')}</cpu>`;
const feature = (policy: string, name: string): string => `<feature policy='${policy}' name='${name}'/>`;
const fromXl = (text: string): Definition => fromXlConfig(text, { format: 'xen-xl', makeUuid: () => UUID }).definition;
const read = (cpuid: unknown): ReturnType<typeof cpuidFromJson> =>
  cpuidFromJson(
    configSchema.parse({ c_info: { type: 'hvm', name: 'a', uuid: UUID }, b_info: { max_memkb: 1, cpuid } }).b_info
      .cpuid,
  );

describe('L04: features of the CPU start a guest', () => {
  it("as bits of CPUID in libxl's JSON", () => {
    const cpu = passthrough(
      feature('forbid', 'pni'),
      feature('require', 'tsc'),
      feature('disable', 'smap'),
      feature('optional', 'aes'),
      feature('disable', 'clflush'),
    );
    expect(buildInfo(cpu).cpuid).toEqual([
      { leaf: 1, ecx: `${'x'.repeat(31)}0`, edx: `${'x'.repeat(12)}0${'x'.repeat(14)}1xxxx` },
      { leaf: 7, subleaf: 0, ebx: `${'x'.repeat(11)}0${'x'.repeat(20)}` },
    ]);
  });

  it("as libxl's names in a file, and back as libvirt's", () => {
    const names = ['clflush', 'pni', 'pdpe1gb', 'cx16', 'spec-ctrl'];
    const text = toXlConfig(define(passthrough(...names.map((name) => feature('disable', name)))), 'xen-xl');
    expect(text).toContain('cpuid = "host,clfsh=0,sse3=0,page1gb=0,cmpxchg16=0,ibrsb=0"');
    expect(fromXl(text).cpu).toMatchObject({
      mode: 'host-passthrough',
      features: names.map((name) => ({ name, policy: 'disable' })),
    });
  });

  it('never by a name that libxl does not have, or has for something else', () => {
    expect(() => buildInfo(passthrough(feature('require', 'vmx-ept')))).toThrow(RefusedError);
    expect(() => toXlConfig(define(passthrough(feature('require', 'ssb-no'))), 'xen-xl')).toThrow(
      "CPU feature 'ssb-no'",
    );
    // To libxl it is the size of a line, of eight bits.
    expect(fromXl('name="a"\ntype="hvm"\nmemory=64\ncpuid="host,clflush=1"\n').cpu).toBeUndefined();
  });

  it('but not where they are about a model, which Xen shows to no guest', () => {
    const cpu = `<cpu mode='custom' match='exact'><model>Westmere</model>${feature('disable', 'aes')}</cpu>`;
    expect(buildInfo(cpu).cpuid).toBeUndefined();
  });

  it('round trip: what is set comes back, whatever it is', () => {
    const names = ['pni', 'cx8', 'avx512f', 'spec-ctrl', 'xsaves', 'arat', 'lahf_lm', 'clzero', 'cet-ss', 'invtsc'];
    const policies = ['force', 'disable'] as const;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...names)),
        fc.infiniteStream(fc.constantFrom(...policies)),
        (some, any) => {
          const features = some.map((name): CpuFeature => ({ name, policy: any.next().value as 'force' | 'disable' }));
          const { features: back, unknown } = read(JSON.parse(JSON.stringify(cpuidToJson(features) ?? [])));
          const key = ({ name, policy }: CpuFeature): string => `${name}=${policy}`;
          expect(back.map(key).sort()).toEqual(features.map(key).sort());
          expect(unknown).toEqual([]);
        },
      ),
    );
  });

  it("reads the form of Xen 4.18 and later, and names what is no feature's bit", () => {
    const ebx = `${'x'.repeat(16)}00000100${'x'.repeat(8)}`;
    expect(read({ cpuid: [{ leaf: 1, ebx, edx: `${'x'.repeat(31)}k` }], msr: [{ index: 266, policy: 'x' }] })).toEqual({
      features: [{ name: 'fpu', policy: 'optional' }],
      unknown: [...Array.from({ length: 8 }, (_, bit) => `cpuid.0.ebx: bit ${bit + 8}`), 'cpuid.msr'],
    });
  });

  it('are shown of a running guest, with a warning about the rest', () => {
    const json = {
      c_info: { type: 'hvm', name: 'a', uuid: UUID },
      b_info: {
        max_memkb: 1024,
        cpuid: [{ leaf: 1, ecx: `${'x'.repeat(26)}0xxxxx`, eax: `1${'x'.repeat(31)}` }],
        'type.hvm': {},
      },
    };
    const { definition, warnings } = fromLibxlConfig(json);
    expect(definition.cpu).toMatchObject({ mode: 'host-passthrough', features: [{ name: 'vmx', policy: 'disable' }] });
    expect(warnings).toEqual(['b_info.cpuid.0.eax: bit 31: domain XML has no form for it']);
  });
});

describe('L03: nested virtualisation', () => {
  it('is said by the definition alone: neither by host-passthrough nor by other features', () => {
    expect(buildInfo(passthrough()).nested_hvm).toBeUndefined();
    expect(buildInfo(passthrough(feature('disable', 'tm'))).nested_hvm).toBeUndefined();
    expect(buildInfo(passthrough(feature('optional', 'vmx'))).nested_hvm).toBeUndefined();
    expect(buildInfo(passthrough(feature('require', 'vmx')))).toMatchObject({ nested_hvm: 'True' });
    expect(buildInfo(passthrough(feature('force', 'svm')))).toMatchObject({ nested_hvm: 'True' });
    expect(buildInfo(passthrough(feature('forbid', 'svm')))).toMatchObject({ nested_hvm: 'False' });
  });

  it('is nestedhvm in a file, both ways, and cpuid says nothing about it', () => {
    expect(toXlConfig(define(passthrough(feature('require', 'vmx'))), 'xen-xl')).toContain('nestedhvm = 1');
    expect(toXlConfig(define(passthrough()), 'xen-xl')).not.toContain('nestedhvm');
    const base = 'name="plain"\ntype="hvm"\nmemory=256\n';
    const nested = (text: string): unknown => toLibxlConfig(fromXl(base + text)).b_info;
    expect(nested('cpuid="host,tm=0"')).not.toHaveProperty('nested_hvm');
    expect(nested('nestedhvm=1')).toMatchObject({ nested_hvm: 'True' });
    expect(nested('nestedhvm=0')).toMatchObject({ nested_hvm: 'False' });
  });
});
