import { CPU_MODELS, type CpuModel } from './cpu-models.js';

/**
 * The vendors of a processor with these features, if they indicate any: each vendor has its own virtualization
 * extension. Hygon uses AMD's design.
 */
export function vendorsBy(features: ReadonlySet<string>): readonly string[] | undefined {
  if (features.has('vmx')) return ['Intel'];
  if (features.has('svm')) return ['AMD', 'Hygon'];
  return undefined;
}

/** Restrictions on the choice of a model. */
export interface ModelChoice {
  /** Vendors that it may have; undefined: all. */
  readonly vendors: readonly string[] | undefined;
  /**
   * Whether a model with this feature is ruled out if the processor lacks it. A feature that is not reported rules
   * nothing out.
   */
  readonly matters: (feature: string) => boolean;
  /** Whether a model may be chosen at all; default: yes. */
  readonly mayBe?: (model: CpuModel) => boolean;
}

/**
 * The model that is closest to a processor with these features and has none that it lacks: the newest, which leaves the
 * fewest features to be listed separately. Of equal ones the one with the fewest unreported features. Undefined if none
 * fits.
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
