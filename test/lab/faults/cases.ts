/** How the attempt that was struck ended, as its `--json` says. */
export type Ending =
  /** The guest runs on where it was. */
  | 'home'
  /** It has arrived all the same. */
  | 'arrived'
  /** Only the destination knows, and cannot be asked; settled once it can be. */
  | 'in-doubt'
  /** The guest itself has ended. */
  | 'stopped'
  /** Nothing was said: the process was killed. */
  | 'silent';

/** A fault on real Xen: what strikes, where, when, and how that may end. Scripts are lines of bash with `on-host.sh` at hand. */
export interface FaultCase {
  readonly id: number;
  readonly name: string;
  /** Rows of the list of faults. */
  readonly covers: string;
  /** Runs on the host that the guest leaves, beside the migration; NAME and DOMID are set. */
  readonly atSource?: string;
  /** Runs on the host that it goes to. */
  readonly atDest?: string;
  /** Behind `atDest` that host loses its power, and boots again. */
  readonly cutsPower?: true;
  /** Runs before the migration begins. */
  readonly before?: { readonly source?: string; readonly dest?: string };
  /** Takes the fault away once the attempt has ended. */
  readonly after?: { readonly source?: string; readonly dest?: string };
  readonly options?: string;
  readonly endings: readonly Ending[];
  /** What the failure must be called, where only one name is true. */
  readonly code?: RegExp;
}

/** Slow enough for a verb to be started and heard while it lasts. */
const SLOW = '--bandwidth 5';
/** Lost connections are given up soon. */
const IMPATIENT = '--reconnect-timeout 6';
/** So is a link that swallows everything. */
const HASTY = `${IMPATIENT} --deadline stall=40 --deadline finish=40 --deadline ask=30`;

const RESTART = 'serve $SERVE_OPTIONS';
const HEAL = { source: 'heal' };

type Numbered = readonly Omit<FaultCase, 'id'>[];

const GUEST: Numbered = [
  {
    name: 'the guest does not suspend',
    covers: 'F34',
    // It may not read what it is asked.
    atSource: 'xenstore-chmod /local/domain/$DOMID/control/shutdown n0',
    after: { source: 'xenstore-chmod /local/domain/$DOMID/control/shutdown n$DOMID' },
    endings: ['home'],
  },
  {
    name: 'the guest crashes while it is asked to suspend',
    covers: 'F33 F34',
    atSource: `xenstore-chmod /local/domain/$DOMID/control/shutdown n0
      until [ "$(xenstore-read /local/domain/$DOMID/control/shutdown)" = suspend ]; do sleep 0.1; done
      xl sysrq $NAME c`,
    endings: ['stopped'],
  },
  {
    name: 'the guest shuts down while it is copied',
    covers: 'F33',
    options: SLOW,
    atSource: 'at_percent 20; xl shutdown $NAME',
    endings: ['stopped'],
  },
  {
    name: 'the guest reboots while it is copied',
    covers: 'F33',
    options: SLOW,
    atSource: 'at_percent 20; xl reboot $NAME',
    endings: ['stopped', 'home'],
  },
  {
    name: 'the guest is destroyed while it is copied',
    covers: 'F35',
    atSource: 'at_percent 30; xl destroy $NAME',
    endings: ['stopped'],
  },
];

const HOSTS: Numbered = [
  {
    name: 'the destination has no memory',
    covers: 'F36',
    before: { dest: 'take_memory' },
    after: { dest: 'xl destroy ballast' },
    endings: ['home'],
    code: /E_REFUSED_NO_MEMORY/,
  },
  {
    name: 'the destination runs out of memory once the restore has begun',
    covers: 'F36',
    options: SLOW,
    atDest: 'at_log arriving; take_memory',
    after: { dest: 'xl destroy ballast' },
    endings: ['home', 'arrived'],
  },
  {
    name: "the restore's helper is killed",
    covers: 'F2',
    atDest: 'at_helper restore; kill -KILL $(helper restore)',
    endings: ['home'],
  },
  {
    name: "the restore's agent is killed",
    covers: 'F2',
    atDest: 'at_helper restore; kill -KILL $(agent restore)',
    endings: ['home'],
  },
  {
    name: "the save's helper is killed",
    covers: 'F1',
    atSource: 'at_percent 40; kill -KILL $(helper save)',
    endings: ['home'],
  },
  {
    name: "the save's agent is killed",
    covers: 'F1',
    atSource: 'at_percent 40; kill -KILL $(agent save)',
    endings: ['home'],
  },
  {
    name: "the source's agent for small calls is killed",
    covers: 'F1',
    atSource: 'at_percent 30; kill -KILL $(small_calls $(mover))',
    endings: ['home', 'arrived'],
  },
  {
    name: "the destination's agent for small calls is killed",
    covers: 'F2',
    atDest: 'at_helper restore; kill -KILL $(small_calls $(server))',
    endings: ['home', 'arrived'],
  },
  {
    name: "the source's xenstored is slow",
    covers: 'xenstored',
    atSource: 'at_phase prepare; slow_down $(xenstored)',
    endings: ['arrived'],
  },
  {
    name: "the destination's xenstored stands still for a while",
    covers: 'xenstored',
    atDest: 'at_log arriving; stop_for 12 $(xenstored)',
    endings: ['arrived', 'home'],
  },
  {
    name: "the source's xenstored stands still while the guest is to be suspended",
    covers: 'xenstored',
    atSource: 'at_percent 90; stop_for 8 $(xenstored)',
    endings: ['arrived', 'home'],
  },
  {
    name: 'no room for the journal at the source',
    covers: 'F50',
    before: { source: 'fill_journals' },
    after: { source: 'empty_journals' },
    endings: ['home'],
    code: /E_SYSTEM/,
  },
  {
    name: 'no room for the journal at the destination',
    covers: 'F50',
    before: { dest: 'fill_journals' },
    after: { dest: 'empty_journals' },
    endings: ['home'],
    code: /E_SYSTEM/,
  },
];

const NETWORK: Numbered = [
  ...[10, 50, 99].map((percent) => ({
    name: `the tunnel is cut for good at ${percent} %`,
    covers: 'F6 F9',
    options: IMPATIENT,
    atSource: `at_percent ${percent}; cut_off`,
    after: HEAL,
    endings: percent === 99 ? (['home', 'in-doubt'] as const) : (['home'] as const),
  })),
  {
    name: 'the tunnel is cut once the guest stands still',
    covers: 'F12 F45',
    options: HASTY,
    atSource: 'at_suspend; cut_off',
    after: HEAL,
    endings: ['home', 'in-doubt'],
  },
  {
    name: 'every connection is cut three times, and made again',
    covers: 'F8 F15',
    atSource: 'for part in 20 50 80; do at_percent $part; reset_lanes; done',
    endings: ['arrived'],
  },
  {
    name: 'nothing passes for ten seconds',
    covers: 'F8',
    atSource: 'at_percent 50; hole; sleep 10; heal',
    endings: ['arrived'],
  },
  {
    name: 'nothing passes any more',
    covers: 'F7 F21',
    options: HASTY,
    atSource: 'at_percent 50; hole',
    after: HEAL,
    endings: ['home'],
  },
  {
    name: 'nothing comes back any more',
    covers: 'F11',
    options: HASTY,
    atSource: 'at_percent 60; one_way_back',
    after: HEAL,
    endings: ['home'],
  },
  {
    name: 'nothing passes once everything was sent',
    covers: 'F12 F14',
    options: HASTY,
    atSource: 'at_phase finish; hole',
    after: HEAL,
    endings: ['home', 'in-doubt', 'arrived'],
  },
];

const STOPPED: Numbered = [
  {
    name: 'the source stands still for longer than its deadlines',
    covers: 'F46',
    options: HASTY,
    atSource: 'at_percent 50; stop_for 60 $(mover)',
    endings: ['home', 'arrived'],
  },
  {
    name: 'the destination stands still for longer than the deadlines',
    covers: 'F46',
    options: HASTY,
    atDest: 'at_helper restore; stop_for 75 $(server)',
    endings: ['home'],
  },
  {
    name: "the save's helper stands still for longer than the deadline",
    covers: 'F46',
    options: HASTY,
    atSource: 'at_percent 40; kill -STOP $(helper save)',
    endings: ['home'],
  },
  {
    name: "the restore's helper stands still for longer than the deadline",
    covers: 'F46',
    options: HASTY,
    atDest: 'at_helper restore; kill -STOP $(helper restore)',
    endings: ['home'],
  },
];

const KILLED: Numbered = [
  ...['prepare', 'perform', 'finish', 'confirm'].map((phase) => ({
    name: `the source is killed in ${phase}`,
    covers: 'F1 F3',
    options: IMPATIENT,
    atSource: `at_phase ${phase}; kill -KILL $(mover)`,
    endings: ['silent', 'arrived'] as const,
  })),
  {
    name: 'the source is killed while the guest stands still',
    covers: 'F1 F3 F45',
    options: IMPATIENT,
    atSource: 'at_suspend; kill -KILL $(mover)',
    endings: ['silent', 'arrived'],
  },
  {
    name: 'the destination is killed while it receives',
    covers: 'F2',
    options: IMPATIENT,
    atDest: 'at_helper restore; kill -KILL $(server)',
    after: { dest: RESTART },
    endings: ['home'],
  },
  {
    name: 'the destination is killed when it is asked to finish, and comes back',
    covers: 'F2 F12',
    atDest: `at_log "asks to finish"; kill -KILL $(server); ${RESTART}`,
    endings: ['home', 'arrived'],
  },
  {
    name: 'the destination is killed when it has committed, and comes back',
    covers: 'F2 F13',
    atDest: `at_record dest arriving; kill -KILL $(server); ${RESTART}`,
    endings: ['arrived'],
  },
  {
    name: 'the destination is killed when it has committed, and is away for long',
    covers: 'F2 F13',
    options: HASTY,
    atDest: 'at_record dest arriving; kill -KILL $(server)',
    after: { dest: RESTART },
    endings: ['in-doubt', 'arrived'],
  },
  {
    name: 'both are killed when everything was sent',
    covers: 'F4',
    atSource: 'at_phase finish; kill -KILL $(mover)',
    atDest: 'at_log "asks to finish"; kill -KILL $(server)',
    after: { dest: RESTART },
    endings: ['silent', 'arrived'],
  },
];

const POWER: Numbered = [
  {
    name: 'the destination loses its power while it receives',
    covers: 'F2 F5',
    options: IMPATIENT,
    atDest: 'at_helper restore',
    cutsPower: true,
    endings: ['home'],
  },
];

const OPERATOR: Numbered = [
  {
    name: 'Ctrl-C while the guest is copied',
    covers: 'F44',
    atSource: 'at_percent 30; kill -INT $(mover)',
    endings: ['home'],
    code: /E_ABORTED/,
  },
  {
    name: 'Ctrl-C once everything was sent',
    covers: 'F45',
    atSource: 'at_phase finish; kill -INT $(mover)',
    endings: ['arrived'],
  },
  {
    name: 'domjobabort at the source',
    covers: 'F44',
    options: SLOW,
    atSource: 'at_phase perform; xenferry domjobabort $NAME',
    endings: ['home'],
    code: /E_ABORTED/,
  },
  {
    name: 'domjobabort at the destination',
    covers: 'F47',
    options: SLOW,
    atDest: 'at_log arriving; xenferry domjobabort $NAME',
    endings: ['home'],
    code: /E_ABORTED/,
  },
  {
    name: 'a second migration of the same guest',
    covers: 'F48',
    options: SLOW,
    atSource: `at_phase perform
      xenferry migrate --live $NAME $URI --tls-dir /root/tls --deadline job=1 --json 2>/dev/null | grep E_REFUSED_BUSY`,
    endings: ['arrived'],
  },
  {
    name: 'the destination is stopped in good order',
    covers: 'F47',
    options: SLOW,
    atDest: 'at_helper restore; kill -TERM $(server); while kill -0 $(server) 2>/dev/null; do sleep 0.2; done',
    after: { dest: RESTART },
    endings: ['home'],
  },
];

/** Every case, numbered as XENFERRY_LAB_FAULTS names them. */
export const CASES: readonly FaultCase[] = [
  ...NETWORK,
  ...KILLED,
  ...HOSTS,
  ...OPERATOR,
  ...STOPPED,
  ...GUEST,
  ...POWER,
].map((one, index) => ({ id: index + 1, ...one }));

/** `3,7-9`: those cases, in that order; empty: all. @throws where it names one that there is not */
export function chosenCases(text: string): FaultCase[] {
  const ranges = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
      if (match === null) throw new Error(`XENFERRY_LAB_FAULTS=${text}: not like 3,7-9`);
      return { from: Number(match[1]), to: Number(match.at(2) ?? match[1]) };
    });
  const wanted = ranges.length === 0 ? [{ from: 1, to: CASES.length }] : ranges;
  return wanted.flatMap(({ from, to }) => {
    const chosen = CASES.filter(({ id }) => id >= from && id <= to);
    if (chosen.length === 0) throw new Error(`XENFERRY_LAB_FAULTS=${text}: there are cases 1 to ${CASES.length}`);
    return chosen;
  });
}
