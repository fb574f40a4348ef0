import { messageOf } from '../errors/message-of.js';
import { planEvacuation, type Leaver, type Route } from './plan.js';

/** Why a domain was not moved to a destination. */
export interface Reason {
  readonly destination: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Result of one attempt to move a domain. */
export type Move =
  | {
      readonly came: 'moved';
      readonly totalMs: number;
      readonly downtimeMs?: number;
      readonly warnings: readonly string[];
    }
  /** It is here as before. */
  | { readonly came: 'stays'; readonly why: Omit<Reason, 'destination'>; readonly isUnreachable: boolean }
  /** It is here and does not run, or nobody knows where it runs: a person is needed, or `recover`. */
  | { readonly came: 'not-running' | 'in-doubt'; readonly why: Omit<Reason, 'destination'> }
  /** It was not here any more when it was its turn. */
  | { readonly came: 'gone' };

/** Result for one domain. */
export interface Left {
  readonly uuid: string;
  readonly name: string;
  readonly result: Move['came'];
  /** Where it is, or the destination whose answer is missing; absent if it has not left. */
  readonly destination?: string;
  readonly totalMs?: number;
  readonly downtimeMs?: number;
  readonly warnings: readonly string[];
  /** Each attempt that did not end in an arrival. */
  readonly reasons: readonly Reason[];
}

/** Result of an evacuation. */
export interface EvacuationReport {
  readonly domains: readonly Left[];
  /** Names of the domains that are still here at the end. */
  readonly left: readonly string[];
  /** Why the host could not be listed again: then `left` is what was known before. */
  readonly unseen?: string;
}

/** What `evacuate` needs: the limits, and the operations of the host. */
export interface Evacuation {
  readonly destinations: readonly string[];
  /** Domains that are moved at the same time. */
  readonly parallel: number;
  /** The domains that are here and are to leave, now. */
  readonly list: () => Promise<readonly Leaver[]>;
  /**
   * Waits until no arrival is under way, or for `cancel`; the names of the domains still arriving, which `list` does
   * not contain.
   */
  readonly arrivals: () => Promise<readonly string[]>;
  /** Moves one. Never rejects. */
  readonly move: (leaver: Leaver, destination: string) => Promise<Move>;
  readonly onNews: (news: { readonly leaver: Leaver; readonly destination: string; readonly move?: Move }) => void;
  /** Starts no further attempts; `move` itself stops those under way. */
  readonly cancel: AbortSignal;
}

/**
 * Empties a host. A domain that cannot leave stays and is reported, and does not keep others from leaving. Each domain
 * is offered to each destination at most once, and the host is listed again until every domain on it has been offered:
 * so it terminates, and reports what was seen at the end. Rejects only if the first `list` does.
 */
export async function evacuate(evacuation: Evacuation): Promise<EvacuationReport> {
  const done = new Map<string, Left>();
  const run = new Run(evacuation);
  let here = await evacuation.list();
  let coming: readonly string[] | undefined;
  for (;;) {
    const fresh = here.filter(({ uuid }) => !done.has(uuid));
    if (fresh.length > 0 && !evacuation.cancel.aborted) {
      for (const left of await run.all(fresh)) done.set(left.uuid, left);
    } else if (coming === undefined) {
      // A domain that was admitted before the host was closed is listed once it has arrived, and has to leave as well.
      coming = await evacuation.arrivals();
    } else {
      return { domains: [...done.values()], left: [...new Set([...here.map(({ name }) => name), ...coming])] };
    }
    try {
      here = await evacuation.list();
    } catch (error) {
      // The results so far are reported, although they may be incomplete.
      const domains = [...done.values()];
      const left = domains.flatMap(({ name, result }) => (result === 'moved' || result === 'gone' ? [] : [name]));
      return { domains, left: [...left, ...(coming ?? [])], unseen: messageOf(error) };
    }
  }
}

class Run {
  /** KiB of the domains that were offered to each destination. */
  readonly #given = new Map<string, number>();
  /** Destinations that could not be reached, with the reason. */
  readonly #unreachable = new Map<string, Omit<Reason, 'destination'>>();

  constructor(private readonly evacuation: Evacuation) {}

  async all(leavers: readonly Leaver[]): Promise<Left[]> {
    const { destinations, parallel } = this.evacuation;
    const routes = planEvacuation(leavers, destinations, this.#given).values();
    const results: Left[] = [];
    const worker = async (): Promise<void> => {
      for (const route of routes) results.push(await this.#leave(route));
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return results;
  }

  async #leave({ leaver, destinations }: Route): Promise<Left> {
    const { uuid, name, memoryKiB } = leaver;
    const reasons: Reason[] = [];
    for (const destination of destinations) {
      if (this.evacuation.cancel.aborted) break;
      const unreachable = this.#unreachable.get(destination);
      if (unreachable !== undefined) {
        reasons.push({ destination, ...unreachable });
        continue;
      }
      this.evacuation.onNews({ leaver, destination });
      const move = await this.evacuation.move(leaver, destination);
      this.evacuation.onNews({ leaver, destination, move });
      const known = { uuid, name, result: move.came, reasons };
      switch (move.came) {
        case 'moved': {
          this.#given.set(destination, (this.#given.get(destination) ?? 0) + memoryKiB);
          const { came: _, ...figures } = move;
          return { ...known, ...figures, destination };
        }
        case 'gone':
          return { ...known, warnings: [] };
        case 'not-running':
        case 'in-doubt':
          reasons.push({ destination, ...move.why });
          return { ...known, warnings: [], ...(move.came === 'in-doubt' ? { destination } : {}) };
        case 'stays':
          reasons.push({ destination, ...move.why });
          if (move.isUnreachable) this.#unreachable.set(destination, move.why);
      }
    }
    return { uuid, name, result: 'stays', warnings: [], reasons };
  }
}
