import { HARMLESS, REACHING, type FieldGroup } from './carried-fields.js';
import { isAbsent, type AroundField, type Passes } from './field-values.js';
import { readPaths, SEPARATOR } from './read-paths.js';
import { configSchema } from './schema.js';

/** A field of libxl's JSON that the definition made from it does not contain. */
export interface BeyondXml {
  /** Keys from the root, with dots: `b_info.iomem`. */
  readonly path: string;
  /**
   * `unknown`: an unknown field, or a value that is not accepted; `reaches`: a known field that gives the guest a
   * resource of the host.
   */
  readonly kind: 'unknown' | 'reaches';
  readonly why: string;
}

interface Rule {
  readonly passes: Passes;
  readonly otherwise: Pick<BeyondXml, 'kind' | 'why'>;
}

function rulesOf(
  groups: readonly FieldGroup[],
  usually: Passes,
  otherwise: (why: string) => Rule['otherwise'],
): (readonly [path: string, rule: Rule])[] {
  return groups.flatMap(({ why, paths, passes = usually }) =>
    paths.map((path) => [path, { passes, otherwise: otherwise(why) }] as const),
  );
}

const RULES: ReadonlyMap<string, Rule> = new Map([
  ...rulesOf(
    HARMLESS,
    () => true,
    (why) => ({ kind: 'unknown', why: `its value is not accepted: ${why}` }),
  ),
  ...rulesOf(REACHING, isAbsent, (why) => ({ kind: 'reaches', why })),
]);
const READ: ReadonlySet<string> = new Set(readPaths(configSchema));
/** Objects and lists on the path to a known field. */
const ON_THE_WAY: ReadonlySet<string> = new Set(
  [...RULES.keys(), ...READ].flatMap((path) => {
    const keys = path.split(SEPARATOR);
    return keys.map((_, length) => keys.slice(0, length).join(SEPARATOR));
  }),
);
const NOT_KNOWN: Pick<BeyondXml, 'kind' | 'why'> = {
  kind: 'unknown',
  why: 'it is unknown here, and may be of a later Xen',
};

/**
 * The fields of a configuration that are neither in the definition nor accepted by `carried-fields.ts`; each path once.
 * @param json libxl_domain_config, parsed; of any shape
 */
export function fieldsBeyondXml(json: unknown, around: AroundField): BeyondXml[] {
  const found = new Map<string, BeyondXml>();
  const note = (path: string, what: Pick<BeyondXml, 'kind' | 'why'>): void => {
    const shown = path.replaceAll(`${SEPARATOR}*`, '').replaceAll(SEPARATOR, '.');
    found.set(shown, { path: shown, ...what });
  };
  // Only known paths are followed: depth and width of a hostile text are bounded by the tables.
  const walk = (value: unknown, path: string): void => {
    const rule = RULES.get(path);
    if (rule !== undefined) {
      if (!rule.passes(value, around)) note(path, rule.otherwise);
    } else if (READ.has(path) || isAbsent(value, around)) {
      return;
    } else if (typeof value !== 'object' || value === null || !ON_THE_WAY.has(path)) {
      note(path, NOT_KNOWN);
    } else if (Array.isArray(value)) {
      for (const member of value) walk(member, `${path}${SEPARATOR}*`);
    } else {
      for (const [key, member] of Object.entries(value)) {
        const own = /[/*]/.test(key) ? '?' : key;
        walk(member, path === '' ? own : `${path}${SEPARATOR}${own}`);
      }
    }
  };
  walk(json, '');
  return [...found.values()];
}
