import { DEST_FINAL } from '../../../src/handover/dest-side.js';
import type { HandoverMachines } from '../../../src/handover/machines.js';
import { SOURCE_FINAL } from '../../../src/handover/source-side.js';
import { answer, destActs, sourceActs } from './acts.js';
import {
  clone,
  isToDest,
  send,
  tellDest,
  tellSource,
  type Next,
  type ToDest,
  type ToSource,
  type World,
} from './world.js';

/** A copy of the world, changed: one way to go on. */
type Branch = (label: string, change: (next: World) => void, usual?: boolean) => void;

function deliverToDest(machines: HandoverMachines, world: World, message: ToDest): void {
  const { dest } = world;
  const { recall, outcomeOf, admission } = machines.dest;
  switch (message) {
    case 'prepare': {
      const attempt = { known: dest.durable !== undefined, epoch: 1, highestEpoch: dest.seen ? 1 : 0 };
      // Apart from that, pre-flight refuses a guest that is here already.
      if (admission(attempt) !== 'admitted' || dest.copy !== 'none') return;
      dest.seen = true;
      dest.confirmed = false;
      dest.durable = 'receiving';
      dest.mem = recall('receiving');
      dest.copy = 'partial';
      send(world, 'prepared');
      return;
    }
    case 'stream':
    case 'changed-stream':
      if (dest.mem?.phase !== 'receiving' || dest.copy !== 'partial') return;
      dest.copy = 'paused';
      dest.changed = message === 'changed-stream';
      tellDest(machines, world, { type: 'restored', digest: message });
      send(world, 'taken');
      return;
    case 'finish':
      if (dest.mem !== undefined) tellDest(machines, world, { type: 'finish', digest: 'stream' });
      else if (dest.durable !== undefined) answer(world, outcomeOf(recall(dest.durable)));
      return;
    case 'cancel':
      return tellDest(machines, world, { type: 'cancel' });
    case 'status':
      if (dest.mem !== undefined) return answer(world, outcomeOf(dest.mem));
      // Asked about a migration that was never here: writes down that it refuses it, first.
      dest.durable ??= 'refused';
      if (DEST_FINAL.has(dest.durable)) answer(world, outcomeOf(recall(dest.durable)));
      else restartDest(machines, world);
      return;
    case 'confirm':
      if (dest.durable === 'activated') dest.confirmed = true;
  }
}

function deliverToSource(machines: HandoverMachines, world: World, message: ToSource): void {
  const { source } = world;
  switch (message) {
    case 'taken':
      if (!source.saving || source.guest !== 'suspended') return;
      source.saving = false;
      return tellSource(machines, world, { type: 'saved' });
    case 'prepared':
    case 'failed':
    case 'committed':
    case 'aborted':
      return tellSource(machines, world, { type: message });
    case 'pending':
      return tellSource(machines, world, { type: 'unanswered' });
  }
}

function restartDest(machines: HandoverMachines, world: World): void {
  const { dest } = world;
  if (dest.durable === undefined || dest.mem !== undefined) return;
  dest.mem = machines.dest.recall(dest.durable);
  tellDest(machines, world, { type: 'restarted' });
}

function sourceEvents(machines: HandoverMachines, world: World, branch: Branch): void {
  const { source } = world;
  if (source.acts.length > 0) return;
  if (source.mem === undefined) {
    if (source.durable === undefined || SOURCE_FINAL.has(source.durable)) return;
    branch(
      'source starts again',
      (next) => {
        next.source.mem = next.source.durable;
        tellSource(machines, next, { type: 'restarted' });
      },
      true,
    );
    return;
  }
  if (source.saving && source.guest === 'running') {
    for (const stream of ['stream', 'changed-stream'] as const) {
      branch(
        `source suspends the guest, ${stream} goes out`,
        (next) => {
          next.source.guest = 'suspended';
          send(next, stream);
        },
        stream === 'stream',
      );
    }
  }
  for (const type of ['failed', 'cancel', 'unanswered'] as const) {
    branch(`source: ${type}`, (next) => tellSource(machines, next, { type }));
  }
  // A recovery may be run again while an earlier one is stuck.
  if (!SOURCE_FINAL.has(source.mem) && !source.saving && source.durable !== undefined) {
    branch('source recovers', (next) => tellSource(machines, next, { type: 'restarted' }));
  }
}

function destEvents(machines: HandoverMachines, world: World, branch: Branch): void {
  const { dest } = world;
  if (dest.acts.length > 0) return;
  if (dest.mem !== undefined) {
    branch('dest: lost', (next) => tellDest(machines, next, { type: 'lost' }));
    branch('dest: failed', (next) => {
      tellDest(machines, next, { type: 'failed' });
      if (next.dest.mem?.phase === 'receiving') send(next, 'failed');
    });
    return;
  }
  if (dest.durable === undefined) return;
  if (!DEST_FINAL.has(dest.durable)) branch('dest starts again', (next) => restartDest(machines, next), true);
  // A journal is kept until nobody can ask for it any more; of a refused attempt only its epoch matters.
  const isOver = dest.durable === 'activated' ? dest.confirmed : dest.durable === 'refused' && dest.seen;
  if (isOver) branch('dest forgets the journal', (next) => void (next.dest.durable = undefined));
}

function deaths(world: World, branch: Branch): void {
  const { source, dest, crashes } = world;
  if (crashes === 0) return;
  if (source.mem !== undefined) {
    branch('source dies', (next) => {
      next.crashes -= 1;
      // The save agent outlives us and lets the guest run on, but only while the save has not returned.
      if (next.source.saving && next.source.guest === 'suspended') next.source.guest = 'running';
      next.source = { ...next.source, mem: undefined, acts: [], saving: false };
    });
  }
  if (dest.mem !== undefined) {
    branch('dest dies', (next) => {
      next.crashes -= 1;
      if (next.dest.copy === 'partial') next.dest.copy = 'none';
      next.dest = { ...next.dest, mem: undefined, acts: [] };
    });
  }
  if (dest.copy !== 'none') {
    branch("dest's host goes down", (next) => {
      next.crashes -= 1;
      next.dest = { ...next.dest, mem: undefined, acts: [], copy: 'none', changed: false, wentDown: true };
    });
  }
}

/** Everything that can happen next. */
export function successors(machines: HandoverMachines, world: World): Next[] {
  const results: Next[] = [...sourceActs(machines, world), ...destActs(machines, world)];
  const branch: Branch = (label, change, usual = false) => {
    const next = clone(world);
    change(next);
    results.push({ label, usual, world: next });
  };
  for (const message of world.wire) {
    // It stays on the wire, to come again at any later time; one that never comes was lost.
    if (isToDest(message)) {
      if (world.dest.acts.length === 0)
        branch(`dest hears ${message}`, (next) => deliverToDest(machines, next, message), true);
    } else if (world.source.acts.length === 0) {
      branch(`source hears ${message}`, (next) => deliverToSource(machines, next, message), true);
    }
  }
  sourceEvents(machines, world, branch);
  destEvents(machines, world, branch);
  deaths(world, branch);
  return results;
}
