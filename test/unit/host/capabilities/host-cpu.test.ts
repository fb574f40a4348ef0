import { describe, expect, it } from 'vitest';
import { featuresIn, isReported, wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import { CPU_MODELS, cpuModel } from '../../../../src/domain/cpu/cpu-models.js';
import { hostArch, namedCpu, needReportedCpu, reportedCpu } from '../../../../src/host/capabilities/host-cpu.js';
import type { HostInfo } from '../../../../src/toolstack/toolstack.js';

const host = (cpuidWords: readonly number[] | undefined, toolstack: HostInfo['toolstack'] = 'libxl'): HostInfo => ({
  hostname: 'hv1',
  toolstack,
  version: '4.17.7',
  totalMemoryKiB: 1,
  freeMemoryKiB: 1,
  cpus: 4,
  streamVersions: [2],
  lacks: [],
  guestAbis: ['xen-3.0-x86_64'],
  ...(cpuidWords === undefined ? {} : { processors: { coresPerSocket: 4, threadsPerCore: 1, cpuidWords } }),
});

describe('S10: what the hypervisor reports of the host’s processor', () => {
  it('is as many words as there are names for', () => {
    expect(reportedCpu(host([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))).toEqual({
      arch: 'x86_64',
      words: [1, 2, 3, 4, 5, 6, 7, 8],
    });
    expect(reportedCpu(host([1, 2, 3, 4]))?.words).toHaveLength(4);
  });

  it.each([[undefined], [[]], [[0, 0, 0, 0]]])('S30: nothing, of words %j: a comparison is refused', (words) => {
    expect(reportedCpu(host(words))).toBeUndefined();
    expect(() => needReportedCpu(host(words))).toThrow(
      expect.objectContaining({
        code: 'E_REFUSED_UNSUPPORTED',
        message: 'hv1 does not report the features of its processor',
      }) as Error,
    );
    expect(() => needReportedCpu(host(words, 'embedded'))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('hwCaps') as string }) as Error,
    );
  });

  it('the architecture is told by the processor, or by the guests that it runs', () => {
    expect(hostArch(host(undefined))).toBe('x86_64');
    expect(hostArch({ ...host(wordsOf(['lm'])), guestAbis: [] })).toBe('x86_64');
    expect(hostArch({ ...host(wordsOf(['pae'])), guestAbis: ['xen-3.0-x86_32p'] })).toBe('i686');
    expect(hostArch({ ...host([0]), guestAbis: ['xen-3.0-aarch64', 'xen-3.0-armv7l'] })).toBe('aarch64');
  });
});

describe('S30: the model of a host', () => {
  it('is the newest of which it has everything; the rest is named', () => {
    const words = wordsOf([...cpuModel('Haswell')!.features, 'vmx', 'f16c', 'rdrand', 'acpi']);
    expect(namedCpu({ arch: 'x86_64', words })).toEqual({
      model: 'Haswell',
      features: ['acpi', 'f16c', 'rdrand', 'vmx'],
    });
  });

  it('together with the named features says all that was reported, and nothing else', () => {
    for (const { name, features, looksOlder } of CPU_MODELS) {
      const words = wordsOf([...features, 'xtpr', 'tm2']);
      const named = namedCpu({ arch: 'x86_64', words });
      const model = cpuModel(named.model ?? '')?.features ?? new Set<string>();
      const said = new Set([...model, ...named.features].filter(isReported));
      expect([...said].sort(), name).toEqual([...featuresIn(words)].sort());
      if (!looksOlder && !name.endsWith('-IBRS') && !name.endsWith('-IBPB')) expect(named.model).toBe(name);
    }
  });

  it('is of the vendor that the processor’s own features tell', () => {
    // All of Westmere's features are in EPYC, too.
    const amd = [...cpuModel('Westmere')!.features, 'svm', 'rdtscp'];
    expect(namedCpu({ arch: 'x86_64', words: wordsOf(amd) }).model).toBe('Opteron_G2');
    const intel = [...cpuModel('EPYC')!.features].filter((name) => name !== 'svm');
    expect(namedCpu({ arch: 'x86_64', words: wordsOf([...intel, 'vmx']) }).model).toBe('Westmere');
  });

  it('is none newer than the words that there are can show', () => {
    const words = wordsOf(cpuModel('Skylake-Server')!.features).slice(0, 4);
    expect(namedCpu({ arch: 'x86_64', words }).model).toBe('SandyBridge');
  });

  it('is none where it is like no model', () => {
    expect(namedCpu({ arch: 'i686', words: wordsOf(['fpu', 'pae']) })).toEqual({
      model: undefined,
      features: ['fpu', 'pae'],
    });
  });
});
