import { element, textOf } from '../../xml/element.js';
import { readDefinition } from '../definition/read.js';
import { namespaceOf } from '../metadata.js';
import type { Domain } from '../model.js';
import { featureName, featuresIn, tellsOf } from './cpu-features.js';

/*
 * What a running guest sees of its processor. Xen decides that when the guest boots, and the guest keeps it on every host that it moves
 * to; so the first move writes it into the metadata of the running guest, where it stays until the guest ends:
 *
 *   <cpu:features xmlns:cpu='urn:xenferry:cpu:1'>avx avx2 bmi1</cpu:features>
 */
const CPU_NS = 'urn:xenferry:cpu:1';
const MAX_CHARS = 8192;
const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

/**
 * Features that Xen gives guests by default, in libvirt's names (public/arch-x86/cpufeatureset.h, attributes A, S and H, without
 * those that it hides on some processors). Others are not compared.
 */
const OF_ALL =
  `fpu de tsc msr pae mce cx8 sep mca cmov pat clflush mmx fxsr sse sse2 pni pclmuldq ssse3 fma cx16 sse4.1 sse4.2 movbe
popcnt aes xsave avx f16c syscall nx mmxext fxsr_opt rdtscp lm 3dnowext 3dnow lahf_lm abm sse4a misalignsse 3dnowprefetch xop fma4 tbm
xsaveopt xsavec xgetbv1 fsgsbase bmi1 avx2 bmi2 erms avx512f avx512dq rdseed adx avx512ifma clflushopt clwb avx512pf avx512er avx512cd
sha-ni avx512bw avx512vl avx512vbmi avx512vbmi2 gfni vaes vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq rdpid`.split(
    /\s+/,
  );
const OF_VIRTUALIZED = 'vme pse mtrr pge pse36 smep smap umip xsaves tsc-deadline pcid invpcid pku'.split(' ');

/**
 * What a guest that booted on this host sees: the host's features, without those that its definition hides.
 * @param words of CPUID, as Xen numbers them
 */
export function seenFeatures(words: readonly number[], domain: Domain): string[] {
  const has = featuresIn(words);
  const { cpu } = readDefinition(domain, { lenient: true }).definition;
  const hidden = new Set(
    (cpu?.features ?? [])
      .filter(({ policy }) => policy === 'disable' || policy === 'forbid')
      .map(({ name }) => featureName(name)),
  );
  const given = domain.type === 'pv' ? OF_ALL : [...OF_ALL, ...OF_VIRTUALIZED];
  return given.filter((name) => has.has(name) && !hidden.has(name));
}

/** Features that a guest sees and this host lacks, as far as Xen reports them. */
export function lackingFeatures(words: readonly number[], seen: readonly string[]): string[] {
  const has = featuresIn(words);
  return seen.filter((name) => tellsOf(words, name) && !has.has(name)).sort();
}

/** What was written of a running guest; undefined where nothing was, or where it is none of ours. */
export function guestFeaturesOf({ metadata }: Domain): string[] | undefined {
  const found = metadata.find((child) => namespaceOf(child) === CPU_NS);
  const text = found === undefined ? '' : textOf(found);
  const names = text.length > MAX_CHARS ? [] : text.split(/\s+/).filter((name) => NAME.test(name));
  return names.length === 0 ? undefined : names;
}

export function withGuestFeatures(domain: Domain, names: readonly string[]): Domain {
  const said = element('cpu:features', { 'xmlns:cpu': CPU_NS }, [names.join(' ')]);
  return { ...domain, metadata: [...withoutGuestFeatures(domain).metadata, said] };
}

/** For a guest that boots, and for a definition: the next boot decides anew. */
export function withoutGuestFeatures(domain: Domain): Domain {
  const metadata = domain.metadata.filter((child) => namespaceOf(child) !== CPU_NS);
  return metadata.length === domain.metadata.length ? domain : { ...domain, metadata };
}
