/** One value that a peer has and xenferry has not, or has otherwise. */
export interface Difference {
  /** Where: `b_info.nested_hvm`, `domain/devices/disk[0]/driver@name`. */
  readonly path: string;
  readonly theirs: string | undefined;
  readonly ours: string | undefined;
}

/** What a case of a peer's suite gave. */
export type Outcome =
  | { readonly kind: 'compared'; readonly differences: readonly Difference[] }
  /** xenferry refused; `theirs` says whether the peer does, too. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly theirs: boolean };

export interface PeerCase {
  /** Name of the suite, the same for each version of the peer. */
  readonly suite: string;
  /** Package and version that the case comes from. */
  readonly source: string;
  readonly name: string;
  readonly run: () => Outcome;
}

/** Leaves of a value by path; what two sides have alike is left out of the differences. */
export type Leaves = ReadonlyMap<string, string>;

export function differencesOf(theirs: Leaves, ours: Leaves): Difference[] {
  const paths = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
  return paths
    .map((path) => ({ path, theirs: theirs.get(path), ours: ours.get(path) }))
    .filter((one) => one.theirs !== one.ours);
}

/** The leaves of JSON: numbers and texts by their path. */
export function jsonLeaves(value: unknown, path = '', leaves = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [index, item] of items.entries()) jsonLeaves(item, `${path}[${index}]`, leaves);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) jsonLeaves(item, path === '' ? key : `${path}.${key}`, leaves);
  } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    leaves.set(path, String(value));
  }
  return leaves;
}
