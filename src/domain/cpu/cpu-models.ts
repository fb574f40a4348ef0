import { FURTHER_MODELS, MODEL_ALIASES } from './further-cpu-models.js';

/**
 * The named processors of libvirt and QEMU for x86-64, each as the set of its features; source: libvirt's map of
 * processors. Three are left out of all of them: mpx and intel-pt, which these programs have since taken out of their
 * models, and monitor, which Xen shows to no guest.
 *
 * Many have features that Xen does not report (arat, spec-ctrl, those of AMD's later leaves): a host is then only
 * compared by the others.
 */
export interface CpuModel {
  readonly name: string;
  /** Undefined: of every vendor. */
  readonly vendor: 'Intel' | 'AMD' | 'Hygon' | undefined;
  readonly features: ReadonlySet<string>;
  /** An older processor may have the same reported features, so that no host is identified as this model. */
  readonly looksOlder: boolean;
}

interface Row {
  readonly name: string;
  readonly vendor?: CpuModel['vendor'];
  /** An older model, listed before, that it is derived from. */
  readonly from?: string;
  /** Additional features, separated by blanks. */
  readonly plus?: string;
  /** Features that it lacks. */
  readonly minus?: readonly string[];
  readonly looksOlder?: true;
}

/** Transactional memory. */
export const TSX_FEATURES: readonly string[] = ['hle', 'rtm'];

/** The variant with a mitigation of Spectre, which hypervisors define as a separate model. */
const withIbrs = (name: string): Row => ({ name: `${name}-IBRS`, vendor: 'Intel', from: name, plus: 'spec-ctrl' });

/** Each vendor's from the oldest to the newest. The first has the features of all x86-64 processors. */
const ROWS: readonly Row[] = [
  {
    name: 'Opteron_G1',
    vendor: 'AMD',
    plus: 'apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 syscall tsc',
  },
  { name: 'Opteron_G2', vendor: 'AMD', from: 'Opteron_G1', plus: 'cx16 lahf_lm rdtscp svm' },
  { name: 'Opteron_G3', vendor: 'AMD', from: 'Opteron_G2', plus: 'abm misalignsse popcnt sse4a' },
  {
    name: 'Opteron_G4',
    vendor: 'AMD',
    from: 'Opteron_G3',
    plus: '3dnowprefetch aes avx fma4 pclmuldq pdpe1gb sse4.1 sse4.2 ssse3 xop xsave',
  },
  { name: 'Opteron_G5', vendor: 'AMD', from: 'Opteron_G4', plus: 'f16c fma tbm' },
  {
    name: 'EPYC',
    vendor: 'AMD',
    from: 'Opteron_G3',
    plus:
      '3dnowprefetch adx aes arat avx avx2 bmi1 bmi2 clflushopt cr8legacy f16c fma fsgsbase fxsr_opt mmxext movbe osvw pclmuldq ' +
      'pdpe1gb rdrand rdseed sha-ni smap smep sse4.1 sse4.2 ssse3 vme xgetbv1 xsave xsavec xsaveopt',
  },
  { name: 'EPYC-IBPB', vendor: 'AMD', from: 'EPYC', plus: 'ibpb' },
  { name: 'Dhyana', vendor: 'Hygon', from: 'EPYC-IBPB', minus: ['aes', 'pclmuldq', 'sha-ni'] },
  {
    name: 'EPYC-Rome',
    vendor: 'AMD',
    from: 'EPYC-IBPB',
    plus: 'amd-stibp clwb clzero npt nrip-save perfctr_core rdpid umip wbnoinvd xsaveerptr',
  },
  {
    name: 'EPYC-Milan',
    vendor: 'AMD',
    from: 'EPYC-Rome',
    plus: 'amd-ssbd erms fsrm ibrs invpcid pcid pku svme-addr-chk xsaves',
  },
  {
    name: 'EPYC-Genoa',
    vendor: 'AMD',
    from: 'EPYC-Milan',
    plus:
      'amd-psfd auto-ibrs avx512-bf16 avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 ' +
      'avx512vl avx512vnni gfni la57 lfence-always-serializing no-nested-data-bp null-sel-clr-base stibp-always-on vaes vnmi vpclmulqdq',
  },
  {
    name: 'EPYC-Turin',
    vendor: 'AMD',
    from: 'EPYC-Genoa',
    plus:
      'avx-vnni avx512-vp2intersect flushbyasid fs-gs-base-ns ibpb-brtype lbrv movdir64b movdiri overflow-recov pause-filter perfmon-v2 ' +
      'pfthreshold prefetchi sbpb srso-user-kernel-no succor tsc-scale v-vmsave-vmload vgif vmcb-clean',
  },

  { name: 'core2duo', vendor: 'Intel', from: 'Opteron_G1', plus: 'ssse3 vme' },
  { name: 'Conroe', vendor: 'Intel', from: 'Opteron_G1', plus: 'lahf_lm ssse3' },
  { name: 'Penryn', vendor: 'Intel', from: 'Conroe', plus: 'cx16 sse4.1' },
  { name: 'Nehalem', vendor: 'Intel', from: 'Penryn', plus: 'popcnt sse4.2' },
  withIbrs('Nehalem'),
  { name: 'Westmere', vendor: 'Intel', from: 'Nehalem', plus: 'aes' },
  withIbrs('Westmere'),
  { name: 'SandyBridge', vendor: 'Intel', from: 'Westmere', plus: 'avx pclmuldq rdtscp tsc-deadline x2apic xsave' },
  withIbrs('SandyBridge'),
  { name: 'IvyBridge', vendor: 'Intel', from: 'SandyBridge', plus: 'erms f16c fsgsbase rdrand smep vme' },
  withIbrs('IvyBridge'),
  {
    name: 'Haswell-noTSX',
    vendor: 'Intel',
    from: 'SandyBridge',
    plus: 'avx2 bmi1 bmi2 erms fma fsgsbase invpcid movbe pcid smep',
  },
  withIbrs('Haswell-noTSX'),
  { name: 'Haswell', vendor: 'Intel', from: 'Haswell-noTSX', plus: 'hle rtm' },
  withIbrs('Haswell'),
  { name: 'Broadwell-noTSX', vendor: 'Intel', from: 'Haswell-noTSX', plus: '3dnowprefetch adx rdseed smap' },
  withIbrs('Broadwell-noTSX'),
  { name: 'Broadwell', vendor: 'Intel', from: 'Broadwell-noTSX', plus: 'hle rtm' },
  withIbrs('Broadwell'),
  {
    name: 'Skylake-Client',
    vendor: 'Intel',
    from: 'Broadwell',
    plus: 'abm arat f16c rdrand vme xgetbv1 xsavec xsaveopt',
  },
  withIbrs('Skylake-Client'),
  { name: 'Skylake-Client-noTSX-IBRS', vendor: 'Intel', from: 'Skylake-Client-IBRS', minus: TSX_FEATURES },
  {
    name: 'Skylake-Server',
    vendor: 'Intel',
    from: 'Skylake-Client',
    plus: 'avx512bw avx512cd avx512dq avx512f avx512vl clwb pdpe1gb',
  },
  withIbrs('Skylake-Server'),
  { name: 'Skylake-Server-noTSX-IBRS', vendor: 'Intel', from: 'Skylake-Server-IBRS', minus: TSX_FEATURES },
  { name: 'Cascadelake-Server', vendor: 'Intel', from: 'Skylake-Server-IBRS', plus: 'avx512vnni clflushopt ssbd' },
  { name: 'Cascadelake-Server-noTSX', vendor: 'Intel', from: 'Cascadelake-Server', minus: TSX_FEATURES },
  {
    name: 'Cooperlake',
    vendor: 'Intel',
    from: 'Cascadelake-Server',
    plus: 'arch-capabilities avx512-bf16 ibrs-all mds-no pku pschange-mc-no rdctl-no skip-l1dfl-vmentry stibp taa-no',
    looksOlder: true,
  },
  {
    name: 'Icelake-Server',
    vendor: 'Intel',
    from: 'Cascadelake-Server',
    plus: 'avx512-vpopcntdq avx512bitalg avx512vbmi avx512vbmi2 gfni la57 pku umip vaes vpclmulqdq wbnoinvd',
  },
  { name: 'Icelake-Server-noTSX', vendor: 'Intel', from: 'Icelake-Server', minus: TSX_FEATURES },
  {
    name: 'SapphireRapids',
    vendor: 'Intel',
    from: 'Icelake-Server',
    plus:
      'amx-bf16 amx-int8 amx-tile arch-capabilities avx-vnni avx512-bf16 avx512-fp16 avx512ifma bus-lock-detect fsrc fsrm fsrs fzrm ' +
      'ibrs-all mds-no pschange-mc-no rdctl-no rdpid serialize sha-ni skip-l1dfl-vmentry taa-no tsx-ldtrk xfd xsaves',
    looksOlder: true,
  },
  {
    name: 'GraniteRapids',
    vendor: 'Intel',
    from: 'SapphireRapids',
    plus: 'amx-fp16 fbsdp-no mcdt-no pbrsb-no prefetchiti psdp-no sbdr-ssdp-no',
    looksOlder: true,
  },
];

const wordsOf = (text: string): string[] => text.split(' ').filter((word) => word !== '');

function addModels(built: Map<string, CpuModel>, rows: readonly Row[]): Map<string, CpuModel> {
  for (const { name, vendor, from = '', plus = '', minus = [], looksOlder = false } of rows) {
    const kept = [...(built.get(from)?.features ?? [])].filter((feature) => !minus.includes(feature));
    built.set(name, { name, vendor, features: new Set([...kept, ...wordsOf(plus)]), looksOlder });
  }
  return built;
}

const MODELS = addModels(new Map(), ROWS);

/** Every model as which a host can be identified, each vendor's from the oldest to the newest. */
export const CPU_MODELS: readonly CpuModel[] = [...MODELS.values()];

const ALL_MODELS: ReadonlyMap<string, CpuModel> = addModels(
  new Map(MODELS),
  FURTHER_MODELS.map(({ minus = '', ...row }) => ({ ...row, minus: wordsOf(minus) })),
);

/** A model by its name, an alias (`IvyBridge-v2` is `IvyBridge-IBRS`), or the name of a model that is only parsed. */
export function cpuModel(name: string): CpuModel | undefined {
  return ALL_MODELS.get(MODEL_ALIASES.get(name) ?? name);
}

/**
 * The same model without transactional memory (TSX), which microcode disabled on many processors; undefined if there is
 * none.
 */
export function withoutTsx(name: string): CpuModel | undefined {
  const suffix = name.endsWith('-IBRS') ? '-IBRS' : '';
  const base = name.slice(0, name.length - suffix.length);
  return cpuModel(`${base}-noTSX${suffix}`) ?? cpuModel(`${base}-noTSX-IBRS`);
}
