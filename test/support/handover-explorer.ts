import {
  outcomeOf,
  stepDest,
  DEST_FINAL,
  type DestAct,
  type DestEvent,
  type DestPhase,
  type DestState,
} from '../../src/handover/dest-side.js';
import {
  SOURCE_FINAL,
  stepSource,
  type SourceAct,
  type SourceEvent,
  type SourceState,
} from '../../src/handover/source-side.js';

/*
 * An exhaustive walk over everything that can happen to one migration: both state machines, the link
 * between them (messages lost, repeated, late, overtaken) and the processes around them (dying between any two
 * acts, starting again from what they had recorded, failing to write a record). The machines are the
 * real ones; only what they drive is modelled here.
 */

type Message =
  | 'prepare'
  | 'stream'
  | 'changed-stream'
  | 'finish'
  | 'cancel'
  | 'status'
  | 'prepared'
  | 'taken'
  | 'failed'
  | 'committed'
  | 'aborted'
  | 'pending';
const TO_DEST: ReadonlySet<Message> = new Set<Message>([
  'prepare',
  'stream',
  'changed-stream',
  'finish',
  'cancel',
  'status',
]);

interface SourceWorld {
  /** Undefined: no process at work. */
  mem: SourceState | undefined;
  durable: SourceState | undefined;
  acts: SourceAct[];
  saving: boolean;
  guest: 'running' | 'suspended' | 'gone';
}

interface DestWorld {
  mem: DestState | undefined;
  durable: DestPhase | undefined;
  acts: DestAct[];
  copy: 'none' | 'partial' | 'paused' | 'running';
  /** The process knows that a commit of its own may be on the disk although its write failed. */
  mayBeTorn: boolean;
}

export interface World {
  source: SourceWorld;
  dest: DestWorld;
  wire: Message[];
  /** Crashes left: what bounds the walk. */
  crashes: number;
}

const START: World = {
  source: { mem: 'preparing', durable: undefined, acts: [], saving: false, guest: 'running' },
  dest: { mem: undefined, durable: undefined, acts: [], copy: 'none', mayBeTorn: false },
  wire: ['prepare'],
  crashes: 2,
};

/** Acts and states are never changed in place, so that only the containers need copying. */
const clone = ({ source, dest, wire, crashes }: World): World => ({
  source: { ...source, acts: [...source.acts] },
  dest: { ...dest, acts: [...dest.acts] },
  wire: [...wire],
  crashes,
});

const actKey = (act: SourceAct | DestAct): string => Object.values(act).join(':');

function keyOf({ source, dest, wire, crashes }: World): string {
  const s = `${source.mem},${source.durable},${source.acts.map(actKey).join('+')},${source.saving},${source.guest}`;
  const m = dest.mem === undefined ? '' : `${dest.mem.phase},${dest.mem.restored},${dest.mem.finish}`;
  return `${s}|${m}|${dest.durable},${dest.acts.map(actKey).join('+')},${dest.copy},${dest.mayBeTorn}|${[...wire].sort().join(',')}|${crashes}`;
}

function send(world: World, message: Message): void {
  if (!world.wire.includes(message)) world.wire.push(message);
}

function tellSource(world: World, event: SourceEvent): void {
  const { source } = world;
  if (source.mem === undefined || source.acts.length > 0) return;
  const step = stepSource(source.mem, event);
  // A save that is given up is stopped; it leaves the guest as it is.
  if (source.mem === 'performing' && step.acts.length > 0) source.saving = false;
  // The new state holds once its record is durable; the record is the first act.
  if (step.acts[0]?.do !== 'record') source.mem = step.state;
  source.acts = [...step.acts];
}

function tellDest(world: World, event: DestEvent): void {
  const { dest } = world;
  if (dest.mem === undefined) return;
  const step = stepDest(dest.mem, event);
  dest.mem = { ...step.state, phase: step.acts[0]?.do === 'record' ? dest.mem.phase : step.state.phase };
  dest.acts = [...dest.acts, ...step.acts];
}

/** Every way in which the source's next act can go. */
function sourceActs(world: World): World[] {
  const act = world.source.acts.at(0);
  if (act === undefined) return [];
  const next = clone(world);
  const { source } = next;
  source.acts.shift();
  const results = [next];
  switch (act.do) {
    case 'record': {
      source.mem = act.state;
      source.durable = act.state;
      const unwritten = clone(world);
      if (act.state === 'performing' || act.state === 'deciding') {
        unwritten.source.acts = [];
        tellSource(unwritten, 'failed');
        if (unwritten.source.acts[0]?.do !== 'record') throw new Error('a failed record must lead somewhere');
      } else {
        unwritten.source.acts.shift();
        unwritten.source.mem = act.state;
      }
      results.push(unwritten);
      break;
    }
    case 'save':
      source.saving = true;
      break;
    case 'send-finish':
      send(next, 'finish');
      break;
    case 'ask':
      send(next, 'status');
      break;
    case 'send-cancel':
      send(next, 'cancel');
      break;
    case 'send-confirm':
      break;
    case 'destroy': {
      const stuck = clone(next);
      results.push(stuck);
      if (source.guest === 'suspended') source.guest = 'gone';
      tellSource(next, 'destroyed');
      break;
    }
    case 'resume': {
      const stuck = clone(next);
      results.push(stuck);
      if (source.guest === 'suspended') source.guest = 'running';
      tellSource(next, 'resumed');
      break;
    }
  }
  return results;
}

function destActs(world: World): World[] {
  const act = world.dest.acts.at(0);
  if (act === undefined) return [];
  const next = clone(world);
  const { dest } = next;
  dest.acts.shift();
  const results = [next];
  switch (act.do) {
    case 'record': {
      dest.mem = { ...dest.mem, phase: act.phase };
      dest.durable = act.phase;
      const unwritten = clone(world);
      unwritten.dest.acts = [];
      if (act.phase === 'arriving') {
        unwritten.dest.mayBeTorn = true;
        if (world.dest.mem?.phase === 'receiving') tellDest(unwritten, { type: 'failed' });
        else unwritten.dest.mem = undefined;
      } else if (act.phase === 'refusing' && world.dest.mayBeTorn) {
        unwritten.dest.mem = undefined; // it gives up until it is asked again, or started again
      } else {
        unwritten.dest.acts = world.dest.acts.slice(1);
        unwritten.dest.mem = { ...world.dest.mem, phase: act.phase };
      }
      results.push(unwritten);
      if (act.phase === 'arriving') {
        // Torn: the record reached the disk, and the write was still reported as failed.
        const torn = clone(unwritten);
        torn.dest.durable = 'arriving';
        results.push(torn);
      }
      break;
    }
    case 'unpause':
      if (dest.copy === 'paused') dest.copy = 'running';
      tellDest(next, { type: 'running' });
      break;
    case 'destroy':
      if (dest.copy !== 'running') dest.copy = 'none';
      tellDest(next, { type: 'destroyed' });
      break;
    case 'answer':
      if (dest.mem !== undefined) answer(next, dest.mem.phase);
      break;
  }
  return results;
}

function answer(world: World, phase: DestPhase): void {
  const outcome = outcomeOf(phase);
  // `aborted` is said only when our copy is gone or the refusal is durable: see Arrival.outcome.
  const sure = world.dest.durable === 'refusing' || world.dest.durable === 'refused' || world.dest.copy === 'none';
  send(world, outcome === 'aborted' && !sure ? 'pending' : outcome);
}

function deliver(world: World, message: Message): void {
  const { dest, source } = world;
  switch (message) {
    case 'prepare':
      if (dest.durable !== undefined) return; // the epoch was seen: refused
      dest.durable = 'receiving';
      dest.mem = { phase: 'receiving' };
      dest.copy = 'partial';
      send(world, 'prepared');
      return;
    case 'stream':
    case 'changed-stream':
      if (dest.mem?.phase !== 'receiving' || dest.copy !== 'partial') return;
      dest.copy = 'paused';
      tellDest(world, { type: 'restored', digest: message });
      send(world, 'taken');
      return;
    case 'finish':
      if (dest.mem === undefined) return fromJournal(world);
      tellDest(world, { type: 'finish', digest: 'stream' });
      if (DEST_FINAL.has(dest.mem.phase)) answer(world, dest.mem.phase);
      return;
    case 'cancel':
      tellDest(world, { type: 'cancel' });
      return;
    case 'status':
      if (dest.mem !== undefined) return answer(world, dest.mem.phase);
      if (dest.durable === undefined) {
        dest.durable = 'refused';
        send(world, 'aborted');
        return;
      }
      restartDest(world);
      return;
    case 'prepared':
      return tellSource(world, 'prepared');
    case 'taken':
      if (source.saving && source.guest === 'suspended') {
        source.saving = false;
        tellSource(world, 'saved');
      }
      return;
    case 'failed':
      return tellSource(world, 'failed');
    case 'committed':
    case 'aborted':
      return tellSource(world, message);
    case 'pending':
      return tellSource(world, 'unanswered');
  }
}

function fromJournal(world: World): void {
  if (world.dest.durable !== undefined && world.dest.durable !== 'receiving') answer(world, world.dest.durable);
}

function restartDest(world: World): void {
  const { dest } = world;
  if (dest.durable === undefined || dest.mem !== undefined) return;
  dest.mem = { phase: dest.durable };
  if (DEST_FINAL.has(dest.durable)) answer(world, dest.durable);
  else tellDest(world, { type: 'restarted' });
}

/** Everything that can happen next. */
export function successors(world: World): World[] {
  const results: World[] = [...sourceActs(world), ...destActs(world)];
  const branch = (change: (next: World) => void): void => {
    const next = clone(world);
    change(next);
    results.push(next);
  };

  const { source, dest } = world;
  for (const message of world.wire) {
    const free = TO_DEST.has(message) ? dest.acts.length === 0 : source.acts.length === 0;
    // It stays on the wire, to come again at any later time; one that never comes was lost.
    if (free) branch((next) => deliver(next, message));
  }
  if (source.acts.length === 0 && source.mem !== undefined) {
    if (source.saving && source.guest === 'running') {
      branch((next) => {
        next.source.guest = 'suspended';
        send(next, 'stream');
      });
      branch((next) => {
        next.source.guest = 'suspended';
        send(next, 'changed-stream');
      });
    }
    for (const event of ['failed', 'cancel', 'unanswered'] as const) {
      branch((next) => tellSource(next, event));
    }
  }
  if (dest.acts.length === 0 && dest.mem !== undefined) {
    branch((next) => tellDest(next, { type: 'lost' }));
    branch((next) => {
      tellDest(next, { type: 'failed' });
      if (next.dest.mem?.phase === 'receiving') send(next, 'failed');
    });
  }
  if (world.crashes > 0) {
    if (source.mem !== undefined) {
      branch((next) => {
        next.crashes -= 1;
        // The save agent outlives us and lets the guest run on, but only while the save has not returned.
        if (next.source.saving && next.source.guest === 'suspended') next.source.guest = 'running';
        next.source = { ...next.source, mem: undefined, acts: [], saving: false };
      });
    }
    if (dest.mem !== undefined) {
      branch((next) => {
        next.crashes -= 1;
        if (next.dest.copy === 'partial') next.dest.copy = 'none';
        next.dest = { ...next.dest, mem: undefined, acts: [], mayBeTorn: false };
      });
    }
  }
  if (source.mem === undefined && source.durable !== undefined && !SOURCE_FINAL.has(source.durable)) {
    branch((next) => {
      next.source.mem = next.source.durable;
      tellSource(next, 'restarted');
    });
  }
  // A recovery may be run again while an earlier one is stuck.
  if (
    source.mem !== undefined &&
    source.acts.length === 0 &&
    !SOURCE_FINAL.has(source.mem) &&
    !source.saving &&
    source.durable !== undefined
  ) {
    branch((next) => tellSource(next, 'restarted'));
  }
  if (dest.mem === undefined) branch(restartDest);
  return results;
}

const settled = (world: World): boolean =>
  (world.source.mem === undefined || SOURCE_FINAL.has(world.source.mem)) &&
  (world.source.durable === undefined ||
    SOURCE_FINAL.has(world.source.durable) ||
    (world.source.mem !== undefined && SOURCE_FINAL.has(world.source.mem))) &&
  (world.dest.mem === undefined || DEST_FINAL.has(world.dest.mem.phase)) &&
  (world.dest.durable === undefined ||
    DEST_FINAL.has(world.dest.durable) ||
    (world.dest.mem !== undefined && DEST_FINAL.has(world.dest.mem.phase))) &&
  world.source.acts.length === 0 &&
  world.dest.acts.length === 0;

export interface Exploration {
  readonly states: number;
  /** Ways from one state to the next. */
  readonly steps: number;
  /** The walk is whole: so many steps from the start lies the state that is farthest away. */
  readonly depth: number;
  /** How often a side may die in one walk, which is what bounds it. */
  readonly crashes: number;
  readonly settledStates: number;
  /** Worlds that break a promise, each with what it breaks. */
  readonly broken: readonly { readonly promise: string; readonly world: World }[];
  /** Worlds from which no way leads to a settled one. */
  readonly withoutWayOut: readonly World[];
}

function promisesBrokenBy(world: World): string[] {
  const { source, dest } = world;
  const broken: string[] = [];
  if (source.guest === 'running' && dest.copy === 'running') broken.push('two copies run');
  if (source.guest === 'gone' && dest.copy !== 'running' && dest.copy !== 'paused') broken.push('no copy is left');
  if (settled(world) && source.guest === 'suspended' && dest.copy !== 'running')
    broken.push('settled, and nothing runs');
  if (settled(world) && source.guest === 'running' && dest.copy !== 'none' && dest.copy !== 'partial')
    broken.push('settled, and a copy is left at the destination');
  return broken;
}

/** Walks every state that can be reached from the start of a migration. */
export function explore(start: World = START): Exploration {
  const seen = new Map<string, World>();
  const before = new Map<string, string[]>();
  const broken: { promise: string; world: World }[] = [];
  let steps = 0;
  let depth = 0;
  const first = keyOf(start);
  seen.set(first, start);
  // Breadth first: every state of one distance, then those of the next.
  for (let level = [first], distance = 0; level.length > 0; distance += 1) {
    depth = distance;
    const farther: string[] = [];
    for (const key of level) {
      const world = seen.get(key)!;
      for (const promise of promisesBrokenBy(world)) broken.push({ promise, world });
      for (const next of successors(world)) {
        steps += 1;
        const nextKey = keyOf(next);
        const ways = before.get(nextKey);
        if (ways === undefined) before.set(nextKey, [key]);
        else ways.push(key);
        if (seen.has(nextKey)) continue;
        seen.set(nextKey, next);
        farther.push(nextKey);
      }
    }
    level = farther;
  }
  const reaching = new Set<string>();
  const back = [...seen].filter(([, world]) => settled(world)).map(([key]) => key);
  const settledStates = back.length;
  for (const key of back) reaching.add(key);
  for (let key = back.pop(); key !== undefined; key = back.pop()) {
    for (const from of before.get(key) ?? []) {
      if (reaching.has(from)) continue;
      reaching.add(from);
      back.push(from);
    }
  }
  return {
    states: seen.size,
    steps,
    depth,
    crashes: start.crashes,
    settledStates,
    broken,
    withoutWayOut: [...seen].filter(([key]) => !reaching.has(key)).map(([, world]) => world),
  };
}
