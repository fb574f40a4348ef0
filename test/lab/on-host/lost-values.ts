/*
 * What one JSON says and another does not. libxl leaves out of its JSON what has its default, and that is mostly nothing: so a 0, an
 * empty text or an empty list that is missing says the same.
 */

/** The defaults that are something: what is done when a guest ends (libxl_types.idl, `action_on_shutdown`). */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  '/on_poweroff': 'destroy',
  '/on_reboot': 'destroy',
  '/on_watchdog': 'destroy',
  '/on_crash': 'destroy',
};

function isNothing(value: unknown): boolean {
  if (value === undefined || value === 0 || value === '') return true;
  return typeof value === 'object' && value !== null && Object.values(value).every(isNothing);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Paths of what `given` says, and `kept` does not say alike; each with both values. */
export function lostValues(given: unknown, kept: unknown, path = ''): string[] {
  if (isNothing(given) && isNothing(kept)) return [];
  if (isObject(given) && isObject(kept)) {
    return Object.entries(given).flatMap(([key, value]) => lostValues(value, kept[key], `${path}/${key}`));
  }
  return given === kept || (kept === undefined && given === DEFAULTS[path])
    ? []
    : [`${path}: ${JSON.stringify(given)} became ${JSON.stringify(kept)}`];
}
