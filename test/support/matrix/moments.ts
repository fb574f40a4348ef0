/** What a fault makes of the act that it strikes: it goes on, never comes back, or fails. */
export type Effect = 'go' | 'hang' | Error;

export interface Armed {
  /** A moment with its number: `dest:rename:before#1`. */
  readonly at: string;
  readonly strike: () => Effect | Promise<Effect>;
}

/** How often one moment is told apart: behind that, repeats of it (looks, acknowledgements) are all alike. */
const MOST_OF_ONE = 3;

/**
 * The moments of a migration at which a fault may strike: before and behind each call of a toolstack, each journal
 * record and each message. A run leaves the list of those that it came by, which is where the cases come from.
 */
export class Moments {
  readonly trace: string[] = [];
  readonly struck = new Set<string>();
  readonly #counts = new Map<string, number>();
  #armed: readonly Armed[] = [];
  /** False once the case is judged: what follows is no part of it. */
  open = true;

  arm(armed: readonly Armed[]): void {
    this.#armed = armed;
  }

  /** Notes the moment, and lets the fault that waits for it strike. */
  reach(moment: string): Effect | Promise<Effect> {
    if (!this.open) return 'go';
    const count = (this.#counts.get(moment) ?? 0) + 1;
    this.#counts.set(moment, count);
    if (count > MOST_OF_ONE) return 'go';
    const at = `${moment}#${count}`;
    this.trace.push(at);
    const armed = this.#armed.find((one) => one.at === at && !this.struck.has(at));
    if (armed === undefined) return 'go';
    this.struck.add(at);
    return armed.strike();
  }

  /** The same where nothing can be waited for. */
  reachNow(moment: string): Effect {
    const effect = this.reach(moment);
    return effect instanceof Promise ? 'go' : effect;
  }
}
