import type { ErrorCode } from '../../errors/codes.js';
import { UsageError } from '../../errors/errors.js';
import { NO_CPU, type Cpu } from '../definition/cpu.js';
import { certainFeatures, isHostsOwn } from './asked-features.js';
import { closestModel, vendorsBy } from './closest-model.js';
import { cpuModel } from './cpu-models.js';
import type { DescribedCpu } from './described-cpu.js';

/** Options of a baseline. */
export interface BaselineOptions {
  /** List all features, including those of the model. */
  readonly expand: boolean;
  /** Leave out features that prevent migration. */
  readonly migratable: boolean;
}

/** Neither Xen nor libvirt migrates a guest that sees a TSC of constant rate. */
const NOT_MIGRATABLE = ['invtsc'];
/** Most items of a file that one message lists. */
const MOST_SHOWN = 4;

/**
 * The CPU that a guest can have on each of these hosts: the newest model that they have in common, and their further
 * common features (S31).
 * @throws UsageError `E_USAGE_CPU`, `E_USAGE_CPU_MODEL`, `E_USAGE_CPU_ARCH`, `E_USAGE_CPU_VENDOR`,
 * `E_USAGE_CPU_BASELINE`
 */
export function baselineCpu(cpus: readonly DescribedCpu[], { expand, migratable }: BaselineOptions): Cpu {
  if (cpus.length === 0)
    throw usage('E_USAGE_CPU', 'there is no CPU in the input', 'Give the <cpu> of at least one host.');
  checkArchs(cpus);
  const sets = cpus.map(hostFeatures);
  const common = new Set([...sets[0]].filter((name) => sets.every((set) => set.has(name))));
  if (migratable) for (const name of NOT_MIGRATABLE) common.delete(name);
  const model = closestModel(common, { vendors: vendorsOf(cpus, sets), matters: () => true });
  if (model === undefined) {
    throw usage('E_USAGE_CPU_BASELINE', 'the CPUs have no model in common', 'Compare the features of each of them.');
  }
  const named = [...common].filter((name) => expand || !model.features.has(name)).sort();
  return {
    ...NO_CPU,
    mode: 'custom',
    match: 'exact',
    model: model.name,
    // If all agree, only that is possible.
    fallback: cpus.every((cpu) => cpu.model === model.name) ? 'forbid' : 'allow',
    vendor: cpus.every(({ vendor }) => vendor !== undefined) ? model.vendor : undefined,
    features: named.map((name) => ({ name, policy: 'require' })),
  };
}

function usage(code: ErrorCode, message: string, hint: string): UsageError {
  return new UsageError(code, message, { hint });
}

function checkArchs(cpus: readonly DescribedCpu[]): void {
  const archs = [...new Set(cpus.flatMap(({ arch }) => arch ?? []))];
  if (archs.length > 1) {
    throw usage(
      'E_USAGE_CPU_ARCH',
      `the CPUs are of different architectures: ${archs.slice(0, MOST_SHOWN).join(', ')}`,
      'Compute a baseline for the hosts of each.',
    );
  }
  if (archs.some((arch) => arch !== 'x86_64' && arch !== 'i686')) {
    throw usage('E_USAGE_CPU_ARCH', `no models of ${archs[0]} are known`, 'Baselines are computed for x86 processors.');
  }
}

function hostFeatures(cpu: DescribedCpu, index: number): Set<string> {
  const place = `CPU ${index + 1}`;
  if (isHostsOwn(cpu)) {
    throw usage(
      'E_USAGE_CPU',
      `${place}: mode ${cpu.mode ?? ''} does not list its features`,
      'Give the <cpu> of a host, as `xenferry capabilities` prints it there.',
    );
  }
  const features = certainFeatures(cpu);
  if (features.size > 0) return features;
  throw usage(
    'E_USAGE_CPU',
    `${place}: it names neither a model nor features`,
    'Give the <cpu> of a host that lists them.',
  );
}

/** Vendors that all of them can have. A CPU without a vendor has its model's, or those that its features indicate. */
function vendorsOf(cpus: readonly DescribedCpu[], sets: readonly ReadonlySet<string>[]): readonly string[] | undefined {
  let common: readonly string[] | undefined;
  for (const [index, { vendor, model }] of cpus.entries()) {
    const byModel = model === undefined ? undefined : cpuModel(model)?.vendor;
    const one = vendor !== undefined ? [vendor] : byModel !== undefined ? [byModel] : vendorsBy(sets[index]);
    const both: readonly string[] | undefined =
      common === undefined || one === undefined ? (one ?? common) : common.filter((name) => one.includes(name));
    if (both?.length === 0) {
      throw usage(
        'E_USAGE_CPU_VENDOR',
        `the vendors of the CPUs differ: ${(common ?? []).join(' or ')}, and ${(one ?? []).join(' or ')} of CPU ${index + 1}`,
        'No guest can run on both: compute a baseline for the hosts of each vendor.',
      );
    }
    common = both;
  }
  return common;
}
