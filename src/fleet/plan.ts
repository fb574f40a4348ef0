/** A domain that is to leave. */
export interface Leaver {
  readonly uuid: string;
  readonly name: string;
  readonly memoryKiB: number;
}

/** Where a domain is sent, and where else where that comes to nothing. */
export interface Route {
  readonly leaver: Leaver;
  /** Each destination once, the best first. */
  readonly destinations: readonly string[];
}

/**
 * Who goes where: the largest first, while there is most room, each to the destination that was given least so far. What there really is
 * room for, each destination says itself when it is asked to take the domain in; so every other one follows, in the same order.
 * @param given KiB that each destination has been given already
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
