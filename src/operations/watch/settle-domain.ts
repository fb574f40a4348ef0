import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { arrivalsOf } from '../running/incoming.js';
import { correctNote, noteRun } from '../running/note-run.js';
import { noteStopped } from '../running/stop-domain.js';
import { storedDomain } from './stored-domain.js';
import { actOnEnding, startAgain } from './act-on-ending.js';
import { snapshotDomain, type DomainSnapshot } from './domain-snapshot.js';

/** The step that makes our records of a domain true again. */
export type Task =
  /** Nothing, or nothing of ours: a foreign domain, or one whose migration decides about it. */
  | { readonly do: 'nothing' }
  /** It runs, under another number than we know. */
  | { readonly do: 'note'; readonly info: DomainInfo }
  /** It was suspended to memory, and another program has woken it. */
  | { readonly do: 'note-woken'; readonly info: DomainInfo }
  /** It has come by migration, and nobody has told so. */
  | { readonly do: 'note-arrival'; readonly info: DomainInfo }
  /** Its guest has stopped by itself. */
  | { readonly do: 'act'; readonly info: DomainInfo }
  /** Its guest was being started again when whoever did so died. */
  | { readonly do: 'restart' }
  /** It has gone, and nobody has cleaned up behind it. */
  | { readonly do: 'clean'; readonly name: string; readonly domid: number; readonly reason: 'migrated' | 'destroyed' };

/**
 * Compares the domain with its records (facts 3.9). Every operation on a domain is recorded before the
 * domain's job is released: a difference seen under the job was not made by xenferry, or by a process that died.
 */
export function taskOf({ info, note, isDefined, isMoving, moved }: DomainSnapshot): Task {
  if (isMoving) return { do: 'nothing' };
  if (info === undefined) {
    if (note?.state === 'shutoff' && note.restarting === true && isDefined) return { do: 'restart' };
    if (note === undefined || note.state === 'shutoff') return { do: 'nothing' };
    const reason = moved?.way === 'went' && moved.domid === note.domid ? 'migrated' : 'destroyed';
    return { do: 'clean', name: note.name, domid: note.domid, reason };
  }
  const came = moved?.way === 'came' && moved.domid === info.domid;
  // Neither made by us nor defined here, nor did it arrive here: another program's, which watches it itself.
  if ((note === undefined && !isDefined && !came) || info.state === 'dying') return { do: 'nothing' };
  const isNoted = note?.domid === info.domid;
  if (info.state === 'shutdown') {
    // Recorded as off, with the id of its remains: the stop was handled.
    const isDealtWith = isNoted && note.state === 'shutoff';
    return info.shutdownReason === 'suspend' || isDealtWith ? { do: 'nothing' } : { do: 'act', info };
  }
  if (isNoted && note.state === 'pmsuspended') return { do: 'note-woken', info };
  if (isNoted && note.state !== 'shutoff') return { do: 'nothing' };
  return { do: came && !isNoted ? 'note-arrival' : 'note', info };
}

/** Whether an event of a domain may need action from us. */
export function needsWatch(snapshot: DomainSnapshot): boolean {
  const { info, note, isDefined, isMoving, moved } = snapshot;
  if (taskOf(snapshot).do !== 'nothing') return true;
  if (info === undefined) return false;
  const isOurs = note !== undefined || isDefined || isMoving || (moved?.way === 'came' && moved.domid === info.domid);
  const isDealtWith = info.state === 'shutdown' && info.shutdownReason !== 'suspend';
  return isOurs && !isDealtWith;
}

/**
 * Takes the step that a domain needs. The caller holds its job.
 * @param signal ends long steps
 */
export async function settleDomain(host: Host, uuid: string, signal: AbortSignal): Promise<Task> {
  const snapshot = await snapshotDomain(host, uuid, signal);
  const task = taskOf(snapshot);
  switch (task.do) {
    case 'nothing':
      break;
    case 'note': {
      const { info } = task;
      host.log(`${info.name}: found again with id ${info.domid}`);
      const { state } = info;
      noteRun(host, info, { state: state === 'paused' ? state : 'running', reason: 'unknown' });
      break;
    }
    case 'note-woken':
      host.log(`${task.info.name}: it was suspended to memory, and runs again`);
      correctNote(host, task.info);
      break;
    case 'note-arrival':
      arrivalsOf(host).hooks.arrived(task.info, task.info.state !== 'paused');
      break;
    case 'act':
      await actOnEnding(host, task.info, signal);
      break;
    case 'restart': {
      const domain = storedDomain(host, uuid);
      if (domain !== undefined) await startAgain(host, { domain }, false, signal);
      break;
    }
    case 'clean': {
      const { name, domid, reason } = task;
      host.log(`${name} (id ${domid}): it has ended (${reason}) unnoticed; cleaning up`);
      await noteStopped(host, { uuid, name, domid, domain: storedDomain(host, uuid), reason });
      break;
    }
  }
  return task;
}
