import type { DestAct, DestEvent, DestPhase, DestState } from '../../../src/handover/dest-side.js';
import type { HandoverMachines } from '../../../src/handover/machines.js';
import type { SourceAct, SourceEvent, SourceState } from '../../../src/handover/source-side.js';

/*
 * The world around the two machines of the handover: the processes that carry out their acts, the link between them, the
 * disks and the guest's two copies. The machines are given, and are the real ones but where a test breaks a rule.
 */

export type ToDest = 'prepare' | 'stream' | 'changed-stream' | 'finish' | 'cancel' | 'status' | 'confirm';
export type ToSource = 'prepared' | 'taken' | 'failed' | 'committed' | 'aborted' | 'pending';
export type Message = ToDest | ToSource;

const TO_DEST: ReadonlySet<Message> = new Set<Message>([
  'prepare',
  'stream',
  'changed-stream',
  'finish',
  'cancel',
  'status',
  'confirm',
] satisfies ToDest[]);

export const isToDest = (message: Message): message is ToDest => TO_DEST.has(message);

export interface SourceWorld {
  /** Undefined: no process at work. */
  mem: SourceState | undefined;
  /** What a restart finds in the journal. */
  durable: SourceState | undefined;
  acts: readonly SourceAct[];
  saving: boolean;
  guest: 'running' | 'suspended' | 'gone';
}

export interface DestWorld {
  mem: DestState | undefined;
  durable: DestPhase | undefined;
  acts: readonly DestAct[];
  copy: 'none' | 'partial' | 'paused' | 'running';
  /** It was made from a stream that is not the one that was saved. */
  changed: boolean;
  /** An attempt was admitted once: its epoch is known, also when its journal has been forgotten. */
  seen: boolean;
  /** The source has confirmed that its copy is gone. */
  confirmed: boolean;
  /** The guest has run here. */
  ran: boolean;
  /** The whole host went down, and every copy on it with it. */
  wentDown: boolean;
  /** `committed` was answered while the guest was not here. */
  lied: boolean;
}

export interface World {
  source: SourceWorld;
  dest: DestWorld;
  /** Messages that may arrive, again and again; sorted. */
  wire: readonly Message[];
  /** Deaths left, of a process or of the destination's host: what bounds the walk. */
  crashes: number;
}

/** One way to go on. */
export interface Next {
  /** What happens: `deliver prepare`, `dest record committed: torn`, `source dies`. */
  readonly label: string;
  /** It is what happens where nothing goes wrong. */
  readonly usual: boolean;
  readonly world: World;
}

export const START: World = {
  source: { mem: 'preparing', durable: undefined, acts: [], saving: false, guest: 'running' },
  dest: {
    mem: undefined,
    durable: undefined,
    acts: [],
    copy: 'none',
    changed: false,
    seen: false,
    confirmed: false,
    ran: false,
    wentDown: false,
    lied: false,
  },
  wire: ['prepare'],
  crashes: 2,
};

/** Acts, states and the wire are never changed in place, so that only the containers need copying. */
export const clone = ({ source, dest, wire, crashes }: World): World => ({
  source: { ...source },
  dest: { ...dest },
  wire,
  crashes,
});

export const actText = (act: SourceAct | DestAct): string => Object.values(act).join(' ');

export function destText(mem: DestState | undefined): string {
  if (mem === undefined) return '-';
  const { phase, commit, refusal, vanished, restored, finish } = mem;
  const marks = [
    commit === 'none' ? '' : `commit ${commit}`,
    refusal === 'none' ? '' : `refusal ${refusal}`,
    vanished ? 'vanished' : '',
    restored === undefined ? '' : `restored ${restored}`,
    finish === undefined ? '' : `finish ${finish}`,
  ].filter((mark) => mark !== '');
  return marks.length === 0 ? phase : `${phase} (${marks.join(', ')})`;
}

export function keyOf({ source, dest, wire, crashes }: World): string {
  const s = `${source.mem},${source.durable},${source.acts.map(actText).join('+')},${source.saving},${source.guest}`;
  const flags = [dest.changed, dest.seen, dest.confirmed, dest.ran, dest.wentDown, dest.lied].map(Number).join('');
  const d = `${destText(dest.mem)},${dest.durable},${dest.acts.map(actText).join('+')},${dest.copy},${flags}`;
  return `${s}|${d}|${wire.join(',')}|${crashes}`;
}

export function send(world: World, message: Message): void {
  if (!world.wire.includes(message)) world.wire = [...world.wire, message].sort();
}

/** The source's executor takes an event, once it has nothing left to do. */
export function tellSource({ source: machine }: HandoverMachines, { source }: World, event: SourceEvent): void {
  if (source.mem === undefined || source.acts.length > 0) return;
  const before = source.mem;
  const step = machine.step(before, event);
  // A save that is given up is stopped; it leaves the guest as it is.
  if (before === 'performing' && step.acts.length > 0 && step.acts[0].do !== 'save') source.saving = false;
  source.mem = step.state;
  source.acts = step.acts;
}

/** The same at the destination. */
export function tellDest({ dest: machine }: HandoverMachines, { dest }: World, event: DestEvent): void {
  if (dest.mem === undefined || dest.acts.length > 0) return;
  const step = machine.step(dest.mem, event);
  dest.mem = step.state;
  dest.acts = step.acts;
}
