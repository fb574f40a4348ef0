import { closestModel, vendorsBy } from '../../domain/cpu/closest-model.js';
import type { ReportedCpu } from '../../domain/cpu/compare-cpu.js';
import { CPUID_WORDS, featuresIn, isReported } from '../../domain/cpu/cpu-features.js';
import { RefusedError } from '../../errors/errors.js';
import type { HostInfo } from '../../toolstack/toolstack.js';

/** The host's architecture, in libvirt's words. */
export function hostArch({ processors, guestAbis }: HostInfo): 'aarch64' | 'x86_64' | 'i686' {
  if (guestAbis.some((abi) => abi.endsWith('aarch64'))) return 'aarch64';
  const is64 = featuresIn(processors?.cpuidWords ?? []).has('lm') || guestAbis.some((abi) => abi.endsWith('x86_64'));
  return is64 ? 'x86_64' : 'i686';
}

/** The host's processor, as the hypervisor reports it; undefined where it does not: words that are all 0 say nothing. */
export function reportedCpu(host: HostInfo): ReportedCpu | undefined {
  const words = host.processors?.cpuidWords.slice(0, CPUID_WORDS) ?? [];
  return words.some((word) => word !== 0) ? { arch: hostArch(host), words } : undefined;
}

/** As `reportedCpu`. @throws RefusedError `E_REFUSED_UNSUPPORTED` where the hypervisor does not report it */
export function needReportedCpu(host: HostInfo): ReportedCpu {
  const found = reportedCpu(host);
  if (found !== undefined) return found;
  throw new RefusedError('E_REFUSED_UNSUPPORTED', `${host.hostname} does not say what its processor can do`, {
    hint:
      host.toolstack === 'embedded'
        ? 'An embedded host says it where `hwCaps` in its host.json has the words that `xl info` shows as hw_caps.'
        : 'Xen says it of x86 processors only.',
  });
}

/** A host's processor as libvirt describes one: a model, and the features that it has beside that. */
export interface NamedCpu {
  readonly model: string | undefined;
  /** Each of them by its name, in alphabetical order. */
  readonly features: readonly string[];
}

/**
 * The newest model of which the processor has all that Xen reports of one. What Xen cannot report of it (facts 3.5 has the words) is
 * taken for granted; a model that differs from older ones by such features alone is never chosen.
 */
export function namedCpu({ words }: ReportedCpu): NamedCpu {
  const features = featuresIn(words);
  const model = closestModel(features, {
    vendors: vendorsBy(features),
    matters: isReported,
    mayBe: ({ looksOlder }) => !looksOlder,
  });
  return { model: model?.name, features: [...features].filter((name) => model?.features.has(name) !== true).sort() };
}
