import { ToolstackError } from '../../../src/errors/errors.js';
import { HostFolder } from '../../../src/toolstack/embedded/host-folder.js';
import { withDomain } from '../../../src/toolstack/embedded/locked-domain.js';
import { allDomains, removeDomain } from '../../../src/toolstack/embedded/registry.js';
import { changeRunState } from '../../../src/toolstack/embedded/run-state.js';
import type { ShutdownReason } from '../../../src/toolstack/toolstack.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { shiftClock } from './clock.js';
import { diskError, HalfWritten, type SideName } from './life.js';
import type { Effect } from './moments.js';
import type { World } from './world.js';

/** Longer than every deadline that a case's hosts have, but for the one behind which they report «in doubt». */
const STOPPED_MS = 2500;
/** Shorter than the time in which a connection may be made again, and longer. */
const HEALS_SOON_MS = 300;
const HEALS_LATE_MS = 2500;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Kind {
  /** The rows of the list of faults that it is a case of. */
  readonly covers: string;
  /** Where it can strike: before or behind a call of a toolstack, a journal record, a message; and on which side. */
  readonly where: (moment: MomentParts) => boolean;
  readonly strike: (world: World, moment: MomentParts) => Effect | Promise<Effect>;
}

export interface MomentParts {
  readonly side: SideName | 'wire';
  readonly act: string;
  /** `before`, `after`, or empty where it is one moment only. */
  readonly when: string;
  readonly number: number;
}

/** `dest:rename:before#1` in its parts. */
export function partsOf(at: string): MomentParts {
  const [name, number] = at.split('#');
  const [side, act, when = ''] = name.split(':');
  if (side !== 'source' && side !== 'dest' && side !== 'wire') throw new Error(`${at} is no moment`);
  return { side, act, when, number: Number(number) };
}

const isJournal = ({ act }: MomentParts): boolean => act.startsWith('journal-');
/** Calls that only look come again and again: the first of each will do. */
const isFirstOrActs = ({ act, number }: MomentParts): boolean =>
  number === 1 || !['host', 'list', 'lookup', 'info'].includes(act);
const anywhere = (moment: MomentParts): boolean => isFirstOrActs(moment);
const calls = (moment: MomentParts): boolean =>
  moment.side !== 'wire' && !isJournal(moment) && ['before', 'after'].includes(moment.when) && isFirstOrActs(moment);

const go =
  (work: (world: World, moment: MomentParts) => void): Kind['strike'] =>
  (world, moment) => {
    work(world, moment);
    return 'go';
  };

const journalError =
  (error: () => Error): Kind['strike'] =>
  () =>
    error();

const GUEST_WHERE = (moment: MomentParts): boolean =>
  (moment.side === 'source' && !isJournal(moment) && moment.when === 'before' && isFirstOrActs(moment)) ||
  ['round', 'suspended'].includes(moment.act) ||
  (moment.side === 'source' && moment.act === 'save') ||
  (moment.side === 'dest' && moment.act === 'unpause');

/** The guest stops by itself, where it runs. */
function guestStops(reason: ShutdownReason): Kind['strike'] {
  return async (world): Promise<Effect> => {
    world.guestStops = true;
    for (const dir of world.dirs) {
      const host = HostFolder.open(dir);
      for (const record of allDomains(host)) {
        if (record.running === null) continue;
        await withDomain(host, record.domid, undefined, (domain) => {
          if (domain.record.running !== null) changeRunState(domain, { shutdown: reason }, `guest: ${reason}`);
        });
      }
    }
    return 'go';
  };
}

function heals(afterMs: number, world: World): void {
  world.later(
    sleep(afterMs).then(() => {
      world.network.heal();
    }),
  );
}

function stopFor(world: World, side: SideName): void {
  world.life(side).freeze(sleep(STOPPED_MS));
  world.network.hole('out', 'back');
  heals(STOPPED_MS, world);
}

/** Everything that can go wrong at a moment. */
export const KINDS: Readonly<Record<string, Kind>> = {
  'kill-source': { covers: 'F1 F3 F54', where: anywhere, strike: go((world) => world.life('source').kill()) },
  'kill-dest': { covers: 'F2', where: anywhere, strike: go((world) => world.life('dest').kill()) },
  'kill-both': {
    covers: 'F4',
    where: (moment) => isJournal(moment) || moment.side === 'wire',
    strike: go((world) => {
      world.life('source').kill();
      world.life('dest').kill();
    }),
  },
  reset: { covers: 'F6 F15', where: anywhere, strike: go((world) => world.network.reset()) },
  cut: {
    covers: 'F9 F12 F13',
    where: (moment) => moment.side === 'wire' || isJournal(moment),
    strike: go((world) => world.network.cut()),
  },
  hole: {
    covers: 'F7 F14 F21',
    where: (moment) => moment.side === 'wire' || (isJournal(moment) && moment.when === 'after'),
    strike: go((world) => world.network.hole('out', 'back')),
  },
  'hole-heals-soon': {
    covers: 'F8',
    where: ({ side }) => side === 'wire',
    strike: go((world) => {
      world.network.hole('out', 'back');
      heals(HEALS_SOON_MS, world);
    }),
  },
  'hole-heals-late': {
    covers: 'F9',
    where: ({ side }) => side === 'wire',
    strike: go((world) => {
      world.network.hole('out', 'back');
      heals(HEALS_LATE_MS, world);
    }),
  },
  'one-way-out': {
    covers: 'F10',
    where: ({ side }) => side === 'wire',
    strike: go((world) => world.network.hole('out')),
  },
  'one-way-back': {
    covers: 'F11',
    where: ({ side }) => side === 'wire',
    strike: go((world) => world.network.hole('back')),
  },
  'half-open-source': {
    covers: 'F7 F30',
    where: ({ side }) => side === 'wire',
    strike: go((world) => world.network.halfOpen('back')),
  },
  'half-open-dest': {
    covers: 'F7 F30',
    where: ({ side }) => side === 'wire',
    strike: go((world) => world.network.halfOpen('out')),
  },
  slow: {
    covers: 'F20',
    where: ({ side, act }) => side === 'wire' && act !== 'confirmed',
    strike: go((world) => {
      world.network.slow = true;
    }),
  },
  'stop-source': {
    covers: 'F46',
    where: (moment) => moment.side === 'wire' || (calls(moment) && moment.side === 'source' && moment.when === 'after'),
    strike: go((world) => {
      stopFor(world, 'source');
    }),
  },
  'stop-dest': {
    covers: 'F46',
    where: (moment) => moment.side === 'wire' || (calls(moment) && moment.side === 'dest' && moment.when === 'after'),
    strike: go((world) => {
      stopFor(world, 'dest');
    }),
  },
  'call-fails': {
    covers: 'F36 F41 F42 F43',
    where: calls,
    strike: (_world, { act }) =>
      new ToolstackError('E_TOOLSTACK_FAULT', `${act}: told to fail`, { hint: 'It was told to.' }),
  },
  'call-hangs': { covers: 'F34', where: calls, strike: () => 'hang' },
  'journal-enospc': { covers: 'F50', where: isJournal, strike: journalError(() => diskError('ENOSPC')) },
  'journal-eio': { covers: 'F50', where: isJournal, strike: journalError(() => diskError('EIO')) },
  'journal-emfile': {
    covers: 'F50',
    where: (moment) => isJournal(moment) && moment.act === 'journal-begin',
    strike: journalError(() => diskError('EMFILE')),
  },
  'journal-torn': {
    covers: 'F51',
    where: (moment) => isJournal(moment) && moment.when === 'before',
    strike: journalError(() => new HalfWritten('ENOSPC: half of it written')),
  },
  'guest-crashes': { covers: 'F33', where: GUEST_WHERE, strike: guestStops('crash') },
  'guest-shuts-down': { covers: 'F33', where: GUEST_WHERE, strike: guestStops('poweroff') },
  'guest-reboots': { covers: 'F33', where: GUEST_WHERE, strike: guestStops('reboot') },
  'guest-destroyed': {
    covers: 'F35',
    where: GUEST_WHERE,
    strike: async (world): Promise<Effect> => {
      world.guestStops = true;
      for (const dir of world.dirs) {
        const host = HostFolder.open(dir);
        for (const record of allDomains(host)) {
          if (record.running === null) continue;
          await withDomain(host, record.domid, undefined, (domain) => {
            if (domain.record.running !== null) removeDomain(domain);
          });
        }
      }
      return 'go';
    },
  },
  'clock-forward': { covers: 'F52', where: isJournal, strike: go(() => shiftClock(DAY_MS)) },
  'clock-back': { covers: 'F52', where: isJournal, strike: go(() => shiftClock(-DAY_MS)) },
  'ctrl-c': { covers: 'F44 F45', where: anywhere, strike: go((world) => world.cancel()) },
  'ctrl-c-twice': {
    covers: 'F44 F45',
    where: (moment) => moment.side === 'wire' || isJournal(moment),
    strike: go((world) => {
      world.cancel();
      world.abandon();
    }),
  },
  'stop-serve': {
    covers: 'F47',
    where: (moment) => moment.side === 'wire' || isJournal(moment),
    strike: go((world) => {
      world.later(world.life('dest').stop());
    }),
  },
};
