import { CPU_MODELS, type CpuModel } from './cpu-models.js';

/** The makers of a processor with these features, as far as these tell: each has its own extension for hypervisors. Hygon's are AMD's design. */
export function vendorsBy(features: ReadonlySet<string>): readonly string[] | undefined {
  if (features.has('vmx')) return ['Intel'];
  if (features.has('svm')) return ['AMD', 'Hygon'];
  return undefined;
}

export interface ModelChoice {
  /** Makers that it may be of; undefined: of all of them. */
  readonly vendors: readonly string[] | undefined;
  /** Whether a model with this feature is ruled out where the processor has not got it. What nobody can tell rules nothing out. */
  readonly matters: (feature: string) => boolean;
  /** Whether a model may be chosen at all; default: yes. */
  readonly mayBe?: (model: CpuModel) => boolean;
}

/**
 * The model that comes closest to a processor with these features and has none that it lacks: the newest, which leaves the fewest features
 * to be named beside it. Of equals the one that says least of what nobody can tell. Undefined where none fits.
 */
export function closestModel(features: ReadonlySet<string>, choice: ModelChoice): CpuModel | undefined {
  const fits = (model: CpuModel): boolean =>
    choice.mayBe?.(model) !== false &&
    (model.vendor === undefined || choice.vendors?.includes(model.vendor) !== false) &&
    [...model.features].every((feature) => features.has(feature) || !choice.matters(feature));
  const told = ({ features: own }: CpuModel): number => [...own].filter((feature) => features.has(feature)).length;
  let best: { readonly model: CpuModel; readonly told: number; readonly untold: number } | undefined;
  for (const model of CPU_MODELS.filter(fits)) {
    const one = { model, told: told(model), untold: model.features.size - told(model) };
    if (best === undefined || one.told > best.told || (one.told === best.told && one.untold <= best.untold)) best = one;
  }
  return best?.model;
}
