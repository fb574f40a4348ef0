import type { Outcome } from '../../../src/handover/dest-side.js';
import type { HandoverMachines } from '../../../src/handover/machines.js';
import { actText, clone, send, tellDest, tellSource, type Next, type World } from './world.js';

/** How the first act can go, the usual way first: each changes a copy of the world from which the act is taken. */
type Ways = Readonly<Record<string, (next: World) => void>>;

function go(world: World, side: 'source' | 'dest', ways: Ways): Next[] {
  const [act] = world[side].acts;
  return Object.entries(ways).map(([way, change], index) => {
    const next = clone(world);
    if (side === 'source') next.source.acts = next.source.acts.slice(1);
    else next.dest.acts = next.dest.acts.slice(1);
    change(next);
    return { label: `${side}: ${actText(act)}${way === '' ? '' : `, ${way}`}`, usual: index === 0, world: next };
  });
}

/** Every way in which the source's next act can go. */
export function sourceActs(machines: HandoverMachines, world: World): Next[] {
  const act = world.source.acts.at(0);
  if (act === undefined) return [];
  const tell = (next: World, type: 'destroyed' | 'destroy-failed' | 'resumed' | 'resume-failed'): void => {
    tellSource(machines, next, { type });
  };
  switch (act.do) {
    case 'record': {
      const { state } = act;
      return go(world, 'source', {
        'on the disk': (next) => {
          next.source.durable = state;
          tellSource(machines, next, { type: 'recorded', state });
        },
        failed: (next) => tellSource(machines, next, { type: 'record-failed', state }),
        // The record reached the disk, and the write was still reported as failed.
        torn: (next) => {
          next.source.durable = state;
          tellSource(machines, next, { type: 'record-failed', state });
        },
      });
    }
    case 'save':
      return go(world, 'source', { '': (next) => void (next.source.saving = true) });
    case 'send-finish':
      return go(world, 'source', { '': (next) => send(next, 'finish') });
    case 'ask':
      return go(world, 'source', { '': (next) => send(next, 'status') });
    case 'send-cancel':
      return go(world, 'source', { '': (next) => send(next, 'cancel') });
    case 'send-confirm':
      return go(world, 'source', { '': (next) => send(next, 'confirm') });
    case 'destroy':
      // Only a suspended copy is ever ended.
      if (world.source.guest === 'running')
        return go(world, 'source', { refused: (next) => tell(next, 'destroy-failed') });
      return go(world, 'source', {
        done: (next) => {
          next.source.guest = 'gone';
          tell(next, 'destroyed');
        },
        failed: (next) => tell(next, 'destroy-failed'),
      });
    case 'resume':
      return go(world, 'source', {
        done: (next) => {
          if (next.source.guest === 'suspended') next.source.guest = 'running';
          tell(next, 'resumed');
        },
        failed: (next) => tell(next, 'resume-failed'),
      });
  }
}

/** The destination answers: from what the machine says, never from what the model knows. */
export function answer(world: World, outcome: Outcome): void {
  const { dest } = world;
  // What became of a guest that was activated, and whose end is written, is its own story.
  if (outcome === 'committed' && dest.durable !== 'activated' && dest.copy !== 'paused' && dest.copy !== 'running') {
    dest.lied = true;
  }
  send(world, outcome);
}

/** Every way in which the destination's next act can go. */
export function destActs(machines: HandoverMachines, world: World): Next[] {
  const act = world.dest.acts.at(0);
  if (act === undefined) return [];
  const { copy } = world.dest;
  const tell = (
    next: World,
    type: 'claimed' | 'claim-failed' | 'activated' | 'vanished' | 'destroyed' | 'destroy-failed',
  ): void => {
    tellDest(machines, next, { type });
  };
  switch (act.do) {
    case 'record': {
      const { phase } = act;
      return go(world, 'dest', {
        'on the disk': (next) => {
          next.dest.durable = phase;
          tellDest(machines, next, { type: 'recorded', phase });
        },
        failed: (next) => tellDest(machines, next, { type: 'record-failed', phase }),
        torn: (next) => {
          next.dest.durable = phase;
          tellDest(machines, next, { type: 'record-failed', phase });
        },
      });
    }
    case 'claim':
      return go(world, 'dest', {
        done: (next) => tell(next, 'claimed'),
        failed: (next) => tell(next, 'claim-failed'),
      });
    case 'activate':
      if (copy === 'none' || copy === 'partial')
        return go(world, 'dest', { 'not there': (next) => tell(next, 'vanished') });
      return go(world, 'dest', {
        done: (next) => {
          next.dest.copy = 'running';
          next.dest.ran = true;
          tell(next, 'activated');
        },
      });
    case 'destroy':
      // Only a copy that never ran is ever ended.
      if (copy === 'running') return go(world, 'dest', { refused: (next) => tell(next, 'destroy-failed') });
      return go(world, 'dest', {
        done: (next) => {
          next.dest.copy = 'none';
          next.dest.changed = false;
          tell(next, 'destroyed');
        },
        failed: (next) => tell(next, 'destroy-failed'),
      });
    case 'answer':
      return go(world, 'dest', {
        '': (next) => {
          answer(next, act.outcome);
          next.dest.mem = undefined; // from now on the journal speaks for it
        },
      });
  }
}
