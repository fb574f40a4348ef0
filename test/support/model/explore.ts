import { HANDOVER, type HandoverMachines } from '../../../src/handover/machines.js';
import { isSettled, promisesBrokenBy } from './promises.js';
import { successors } from './steps.js';
import { keyOf, START, type World } from './world.js';

/*
 * An exhaustive walk over everything that can happen to one migration: both state machines, the link between them (messages
 * lost, repeated, late, overtaken), the processes around them (dying between any two acts, starting again from what they
 * had recorded, failing to write a record) and the destination's host (going down).
 */

/** Enough of them to see what is wrong. */
const MOST_BROKEN = 100;

/** A world that breaks a promise, and one of the shortest ways to it. */
export interface Broken {
  readonly promise: string;
  readonly world: World;
  readonly way: readonly string[];
}

export interface Exploration {
  readonly states: number;
  /** Ways from one state to the next. */
  readonly steps: number;
  /** The walk is whole: so many steps from the start lies the state that is farthest away. */
  readonly depth: number;
  /** How often a side may die in one walk, which is what bounds it. */
  readonly crashes: number;
  readonly settledStates: number;
  readonly broken: readonly Broken[];
  /** Worlds from which no way leads to a settled one. */
  readonly withoutWayOut: readonly World[];
}

export interface ExploreOptions {
  readonly machines?: HandoverMachines;
  readonly start?: World;
  /** Stop at the first broken promise: the rest of the space, and the ways out, are then not looked at. */
  readonly untilBroken?: boolean;
}

/** Everything reached so far, each state by its number. */
class Space {
  readonly worlds: World[] = [];
  /** The state from which each was reached first, and how; of the start: itself. */
  readonly #from: number[] = [];
  readonly #label: string[] = [];
  /** All states from which one step leads to each. */
  readonly #before: number[][] = [];
  readonly #numbers = new Map<string, number>();

  /** Notes a step. @returns the number of where it leads; undefined where that was reached before */
  reach(world: World, from: number, label: string): number | undefined {
    const key = keyOf(world);
    const known = this.#numbers.get(key);
    if (known !== undefined) {
      this.#before[known].push(from);
      return undefined;
    }
    const number = this.worlds.length;
    this.#numbers.set(key, number);
    this.worlds.push(world);
    this.#from.push(from);
    this.#label.push(label);
    this.#before.push(number === 0 ? [] : [from]);
    return number;
  }

  /** The steps from the start to a state, by their labels. */
  wayTo(number: number): string[] {
    const way: string[] = [];
    for (let at = number; at !== 0; at = this.#from[at]) way.unshift(this.#label[at]);
    return way;
  }

  /** States from which no way leads to a settled one. */
  withoutWayOut(settled: readonly number[]): World[] {
    const reaching = new Set(settled);
    const left = [...settled];
    for (let number = left.pop(); number !== undefined; number = left.pop()) {
      for (const from of this.#before[number]) {
        if (reaching.has(from)) continue;
        reaching.add(from);
        left.push(from);
      }
    }
    return this.worlds.filter((_, number) => !reaching.has(number));
  }
}

/** Walks every state that can be reached from the start of a migration. */
export function explore({ machines = HANDOVER, start = START, untilBroken = false }: ExploreOptions = {}): Exploration {
  const space = new Space();
  const broken: Broken[] = [];
  let steps = 0;
  let depth = 0;
  space.reach(start, 0, '');
  // Breadth first: every state of one distance, then those of the next.
  walk: for (let level = [0], distance = 0; level.length > 0; distance += 1) {
    depth = distance;
    const farther: number[] = [];
    for (const number of level) {
      const world = space.worlds[number];
      for (const promise of promisesBrokenBy(world)) {
        if (broken.length < MOST_BROKEN) broken.push({ promise, world, way: space.wayTo(number) });
        if (untilBroken) break walk;
      }
      for (const { label, world: next } of successors(machines, world)) {
        steps += 1;
        const reached = space.reach(next, number, label);
        if (reached !== undefined) farther.push(reached);
      }
    }
    level = farther;
  }
  const settled = space.worlds.flatMap((world, number) => (isSettled(world) ? [number] : []));
  return {
    states: space.worlds.length,
    steps,
    depth,
    crashes: start.crashes,
    settledStates: settled.length,
    broken,
    withoutWayOut: untilBroken && broken.length > 0 ? [] : space.withoutWayOut(settled),
  };
}
