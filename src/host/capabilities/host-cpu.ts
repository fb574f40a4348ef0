import { closestModel, vendorsBy } from '../../domain/cpu/closest-model.js';
import type { ReportedCpu } from '../../domain/cpu/compare-cpu.js';
import { CPUID_WORDS, featuresIn, isReported } from '../../domain/cpu/cpu-features.js';
import { RefusedError } from '../../errors/errors.js';
import type { HostInfo } from '../../toolstack/toolstack.js';

/** The host's architecture, by libvirt's name. */
export function hostArch({ processors, guestAbis }: HostInfo): 'aarch64' | 'x86_64' | 'i686' {
  if (guestAbis.some((abi) => abi.endsWith('aarch64'))) return 'aarch64';
  const is64 = featuresIn(processors?.cpuidWords ?? []).has('lm') || guestAbis.some((abi) => abi.endsWith('x86_64'));
  return is64 ? 'x86_64' : 'i686';
}

/** The host's processor, as the hypervisor reports it; undefined if it does not: all words are 0 then. */
export function reportedCpu(host: HostInfo): ReportedCpu | undefined {
  const words = host.processors?.cpuidWords.slice(0, CPUID_WORDS) ?? [];
  return words.some((word) => word !== 0) ? { arch: hostArch(host), words } : undefined;
}

/** As `reportedCpu`. @throws RefusedError `E_REFUSED_UNSUPPORTED` if the hypervisor does not report it */
export function needReportedCpu(host: HostInfo): ReportedCpu {
  const found = reportedCpu(host);
  if (found !== undefined) return found;
  throw new RefusedError('E_REFUSED_UNSUPPORTED', `${host.hostname} does not report the features of its processor`, {
    hint:
      host.toolstack === 'embedded'
        ? 'An embedded host reports them if `hwCaps` in its host.json has the words that `xl info` shows as hw_caps.'
        : 'Xen reports them for x86 processors only.',
  });
}

/** A host's processor as libvirt describes one: a model, and its features in addition to those of the model. */
export interface NamedCpu {
  readonly model: string | undefined;
  /** By name, in alphabetical order. */
  readonly features: readonly string[];
}

/**
 * The newest model whose features the processor has, as far as Xen reports them. Features that Xen cannot report (facts
 * 3.5 lists the words) are assumed; a model that differs from older ones by such features alone is never chosen.
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
