/** A domain that is to leave. */
export interface Leaver {
  readonly uuid: string;
  readonly name: string;
  readonly memoryKiB: number;
}

/** The destinations of one domain, in the order in which they are tried. */
export interface Route {
  readonly leaver: Leaver;
  /** Each destination once, the best first. */
  readonly destinations: readonly string[];
}

/**
 * Assigns domains to destinations: the largest first, while there is most room, each to the destination with the least
 * assigned so far. Each destination decides about its room only when it is asked to prepare; so all others follow as
 * alternatives, in the same order.
 * @param given KiB assigned to each destination already
 */
export function planEvacuation(
  leavers: readonly Leaver[],
  destinations: readonly string[],
  given: ReadonlyMap<string, number> = new Map(),
): Route[] {
  const load = new Map(destinations.map((destination) => [destination, given.get(destination) ?? 0]));
  const loadOf = (destination: string): number => load.get(destination) ?? 0;
  return leavers
    .toSorted((one, other) => other.memoryKiB - one.memoryKiB || one.name.localeCompare(other.name))
    .map((leaver) => {
      const order = destinations.toSorted((one, other) => loadOf(one) - loadOf(other));
      load.set(order[0], loadOf(order[0]) + leaver.memoryKiB);
      return { leaver, destinations: order };
    });
}
