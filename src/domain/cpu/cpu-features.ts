/**
 * The features of x86 processors that Xen reports, in libvirt's names, by word of libxl's `hw_cap` and by bit. Words
 * are numbered as Xen has done since 4.7 (facts 3.5). Names and bits: libvirt's map of features, Intel's and AMD's
 * manuals of CPUID.
 *
 * Xen clears bits that it has no name for (its public/arch-x86/cpufeatureset.h), so a clear bit means that a feature is
 * missing only if Xen has a name for it. Listed are those that every release from 4.14 on knows; later ones (la57,
 * waitpkg, xfd, pks, bus-lock-detect, sgxlc, intel-pt) are as unknown as those without a bit in these words (arat,
 * spec-ctrl, ibpb). Bits that reflect software and not the processor are left out, too: osxsave, ospke, hypervisor.
 */
const BITS: readonly Readonly<Record<number, string>>[] = [
  // Leaf 1, EDX.
  {
    0: 'fpu',
    1: 'vme',
    2: 'de',
    3: 'pse',
    4: 'tsc',
    5: 'msr',
    6: 'pae',
    7: 'mce',
    8: 'cx8',
    9: 'apic',
    11: 'sep',
    12: 'mtrr',
    13: 'pge',
    14: 'mca',
    15: 'cmov',
    16: 'pat',
    17: 'pse36',
    19: 'clflush',
    21: 'ds',
    22: 'acpi',
    23: 'mmx',
    24: 'fxsr',
    25: 'sse',
    26: 'sse2',
    27: 'ss',
    28: 'ht',
    29: 'tm',
    31: 'pbe',
  },
  // Leaf 1, ECX.
  {
    0: 'pni',
    1: 'pclmuldq',
    2: 'dtes64',
    3: 'monitor',
    4: 'ds_cpl',
    5: 'vmx',
    6: 'smx',
    7: 'est',
    8: 'tm2',
    9: 'ssse3',
    12: 'fma',
    13: 'cx16',
    14: 'xtpr',
    15: 'pdcm',
    17: 'pcid',
    18: 'dca',
    19: 'sse4.1',
    20: 'sse4.2',
    21: 'x2apic',
    22: 'movbe',
    23: 'popcnt',
    24: 'tsc-deadline',
    25: 'aes',
    26: 'xsave',
    28: 'avx',
    29: 'f16c',
    30: 'rdrand',
  },
  // Leaf 80000001, EDX.
  {
    11: 'syscall',
    20: 'nx',
    22: 'mmxext',
    25: 'fxsr_opt',
    26: 'pdpe1gb',
    27: 'rdtscp',
    29: 'lm',
    30: '3dnowext',
    31: '3dnow',
  },
  // Leaf 80000001, ECX.
  {
    0: 'lahf_lm',
    1: 'cmp_legacy',
    2: 'svm',
    3: 'extapic',
    4: 'cr8legacy',
    5: 'abm',
    6: 'sse4a',
    7: 'misalignsse',
    8: '3dnowprefetch',
    9: 'osvw',
    10: 'ibs',
    11: 'xop',
    12: 'skinit',
    13: 'wdt',
    15: 'lwp',
    16: 'fma4',
    19: 'nodeid_msr',
    21: 'tbm',
    22: 'topoext',
  },
  // Leaf D, subleaf 1, EAX.
  { 0: 'xsaveopt', 1: 'xsavec', 2: 'xgetbv1', 3: 'xsaves' },
  // Leaf 7, subleaf 0, EBX.
  {
    0: 'fsgsbase',
    1: 'tsc_adjust',
    2: 'sgx',
    3: 'bmi1',
    4: 'hle',
    5: 'avx2',
    7: 'smep',
    8: 'bmi2',
    9: 'erms',
    10: 'invpcid',
    11: 'rtm',
    12: 'cmt',
    14: 'mpx',
    16: 'avx512f',
    17: 'avx512dq',
    18: 'rdseed',
    19: 'adx',
    20: 'smap',
    21: 'avx512ifma',
    23: 'clflushopt',
    24: 'clwb',
    26: 'avx512pf',
    27: 'avx512er',
    28: 'avx512cd',
    29: 'sha-ni',
    30: 'avx512bw',
    31: 'avx512vl',
  },
  // Leaf 7, subleaf 0, ECX.
  {
    1: 'avx512vbmi',
    2: 'umip',
    3: 'pku',
    6: 'avx512vbmi2',
    8: 'gfni',
    9: 'vaes',
    10: 'vpclmulqdq',
    11: 'avx512vnni',
    12: 'avx512bitalg',
    14: 'avx512-vpopcntdq',
    22: 'rdpid',
    25: 'cldemote',
    27: 'movdiri',
    28: 'movdir64b',
  },
  // Leaf 80000007, EDX.
  { 8: 'invtsc' },
];

/** Other names of the same features: QEMU's, Linux's and Xen's. */
const ALIASES: Readonly<Record<string, string>> = {
  sse3: 'pni',
  pclmulqdq: 'pclmuldq',
  'ds-cpl': 'ds_cpl',
  'sse4-1': 'sse4.1',
  sse4_1: 'sse4.1',
  'sse4-2': 'sse4.2',
  sse4_2: 'sse4.2',
  tsc_deadline: 'tsc-deadline',
  xd: 'nx',
  i64: 'lm',
  ffxsr: 'fxsr_opt',
  'fxsr-opt': 'fxsr_opt',
  'lahf-lm': 'lahf_lm',
  'cmp-legacy': 'cmp_legacy',
  'nodeid-msr': 'nodeid_msr',
  'tsc-adjust': 'tsc_adjust',
  cqm: 'cmt',
  md_clear: 'md-clear',
  arch_capabilities: 'arch-capabilities',
  'perfctr-core': 'perfctr_core',
  'perfctr-nb': 'perfctr_nb',
  nrip_save: 'nrip-save',
  svm_lock: 'svm-lock',
  tsc_scale: 'tsc-scale',
  vmcb_clean: 'vmcb-clean',
  pause_filter: 'pause-filter',
};

interface Bit {
  readonly name: string;
  readonly word: number;
  readonly bit: number;
}

const ALL: readonly Bit[] = BITS.flatMap((names, word) =>
  Object.entries(names).map(([bit, name]) => ({ name, word, bit: Number(bit) })),
);
const BY_NAME: ReadonlyMap<string, Bit> = new Map(ALL.map((one) => [one.name, one]));

/** Number of words of CPUID. */
export const CPUID_WORDS = BITS.length;

/** Libvirt's name of a feature, by any of its names. */
export function featureName(name: string): string {
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
}

/** Whether these words report a feature, as present or absent. */
export function tellsOf(words: readonly number[], name: string): boolean {
  const found = BY_NAME.get(name);
  return found !== undefined && found.word < words.length;
}

/** Whether the complete words report a feature. */
export function isReported(name: string): boolean {
  return BY_NAME.has(name);
}

/** The features whose bits are set. */
export function featuresIn(words: readonly number[]): ReadonlySet<string> {
  return new Set(
    ALL.filter(({ word, bit }) => word < words.length && ((words[word] >>> bit) & 1) === 1).map(({ name }) => name),
  );
}

/** Words with the bits of these features set, and no others; names without a bit are ignored. */
export function wordsOf(features: Iterable<string>): number[] {
  const words = Array.from({ length: CPUID_WORDS }, () => 0);
  for (const name of features) {
    const found = BY_NAME.get(name);
    if (found !== undefined) words[found.word] = (words[found.word] | (1 << found.bit)) >>> 0;
  }
  return words;
}
