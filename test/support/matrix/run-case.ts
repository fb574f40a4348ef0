import { exitCodeOf } from '../../../src/cli/exit.js';
import { MigrationError, placeInWords } from '../../../src/migration/migration-error.js';
import { XenferryError } from '../../../src/errors/errors.js';
import { messageOf } from '../../../src/errors/message-of.js';
import { HANDOVER, type HandoverMachines } from '../../../src/handover/machines.js';
import { assertNeverTwice } from '../oracle.js';
import { KINDS, partsOf } from './kinds.js';
import { World, type Attempt, type Copy } from './world.js';

/** A fault of a case: what, and at which moment. */
export interface CaseFault {
  readonly kind: string;
  readonly at: string;
}

export interface Case {
  /** `clean/kill-dest@dest:rename:after#1`: the walk that leads there, and what happens. */
  readonly id: string;
  readonly faults: readonly CaseFault[];
}

export interface CaseResult {
  readonly id: string;
  /** `missed`: the run took another way and never came by the moment, so that nothing is proven. */
  readonly result: 'passed' | 'failed' | 'missed';
  readonly ms: number;
  /** How the attempt ended: `done`, `killed`, or where it said the guest was. */
  readonly ended: string;
  readonly problem?: string;
  readonly trace: readonly string[];
  readonly struck: readonly string[];
}

/** Runs one case from its beginning to the judgement. Never rejects. @param handover the rules that both hosts follow */
export async function runCase(one: Case, handover: HandoverMachines = HANDOVER): Promise<CaseResult> {
  const startedAt = performance.now();
  let ended = 'nothing';
  let trace: readonly string[] = [];
  let struck: readonly string[] = [];
  let log = '';
  try {
    await using world = await World.make(handover);
    try {
      const armed = one.faults.map(({ kind, at }) => ({ at, strike: () => KINDS[kind].strike(world, partsOf(at)) }));
      const attempt = await world.attempt(armed);
      ended = endOf(attempt);
      judgeAttempt(world, attempt);
      await world.settle();
      ({ trace } = world.moments);
      struck = [...world.moments.struck];
      await judgeSettled(world, one);
      await judgeAgain(world);
    } finally {
      ({ trace } = world.moments);
      struck = [...world.moments.struck];
      log = world.log;
    }
  } catch (error) {
    const problem = `${messageOf(error)}\n${log}`;
    return { id: one.id, result: 'failed', ms: performance.now() - startedAt, ended, problem, trace, struck };
  }
  const result = one.faults.every(({ at }) => struck.includes(at)) ? 'passed' : 'missed';
  return { id: one.id, result, ms: performance.now() - startedAt, ended, trace, struck };
}

function endOf(attempt: Attempt): string {
  if (attempt.how !== 'failed') return attempt.how;
  return attempt.error instanceof MigrationError ? attempt.error.guest : 'refused';
}

function must(holds: boolean, promise: string, world: World): void {
  if (holds) return;
  const copies = world.copies().map(({ side, state }) => `${state} at the ${side}`);
  throw new Error(`${promise}; the copies: ${copies.length === 0 ? 'none' : copies.join(', ')}`);
}

/** What was said of the guest's place must be true, and say what to do. */
function judgeAttempt(world: World, attempt: Attempt): void {
  assertNeverTwice(world.dirs);
  if (attempt.how === 'killed') return;
  const at = (side: Copy['side']): string => world.copies().find((copy) => copy.side === side)?.state ?? 'none';
  const stopped = (state: string): boolean => world.guestStops && ['shutdown', 'none'].includes(state);
  if (attempt.how === 'done') {
    const { runningThere } = attempt.report;
    const there = at('dest');
    must(there === (runningThere ? 'running' : 'paused') || stopped(there), 'told: it has arrived', world);
    must(['none', 'suspended'].includes(at('source')), 'told: it has left', world);
    must(at('source') === 'none' || attempt.report.warnings.length > 0, 'a copy was left without a word', world);
    return;
  }
  const { error } = attempt;
  if (!(error instanceof XenferryError)) throw new Error(`not an error of ours: ${error.stack ?? error.message}`);
  must(
    /^E_[A-Z0-9_]+$/.test(error.code) && error.code !== 'E_BUG',
    `the code is ${error.code}: ${messageOf(error)}`,
    world,
  );
  must(exitCodeOf(error) !== 70, 'the exit code says that it is a bug', world);
  const here = at('source');
  if (!(error instanceof MigrationError)) {
    must(here === 'running' || stopped(here), `told: refused, nothing touched (${messageOf(error)})`, world);
    return;
  }
  must(error.message.includes(placeInWords(error.guest)), 'the message does not say where the guest is', world);
  must((error.hint ?? '').length > 0, `no hint: ${error.message}`, world);
  const allowed: Readonly<Record<string, readonly string[]>> = {
    'source-running': ['running'],
    'source-paused': ['paused'],
    'source-suspended': ['suspended'],
    'source-stopped': ['shutdown', 'none'],
    'in-doubt': ['suspended'],
    destination: ['none', 'suspended'],
  };
  must(allowed[error.guest].includes(here) || stopped(here), `told: ${error.guest} (${error.message})`, world);
  if (error.guest === 'source-stopped') must(world.guestStops, 'told that it stopped, and nothing stopped it', world);
}

/** One copy, running and whole, and nothing left of anything. */
async function judgeSettled(world: World, one: Case): Promise<void> {
  assertNeverTwice(world.dirs);
  const copies = world.copies();
  // Destroyed by hand: there is none, and nothing of it.
  if (copies.length === 0 && one.faults.some(({ kind }) => kind === 'guest-destroyed')) {
    const left = [...world.domainFolders('source'), ...world.domainFolders('dest')];
    must(left.length === 0, `left: ${left.join(', ')}`, world);
    must((await world.leaseHolders()).length === 0, 'the lease of its disk must be free', world);
    return;
  }
  must(copies.length === 1, 'there must be exactly one copy', world);
  const [{ side, state }] = copies;
  must(state === 'running' || (world.guestStops && state === 'shutdown'), 'the guest must run', world);
  const bad = await world.badPages();
  must(bad === 0, `${bad} pages of the guest are not as it wrote them`, world);
  for (const where of ['source', 'dest'] as const) {
    const folders = world.domainFolders(where);
    must(folders.length === (where === side ? 1 : 0), `left at the ${where}: ${folders.join(', ')}`, world);
  }
  const leases = await world.leaseHolders();
  must(leases.join() === side, `the lease of its disk is held by: ${leases.join(', ')}`, world);
  const jobs = await world.heldJobs();
  must(jobs.length === 0, `jobs are still held: ${jobs.join(', ')}`, world);
}

async function judgeAgain(world: World): Promise<void> {
  const from = world.copies().at(0)?.side;
  const again = await world.again();
  if (again.how !== 'done') {
    throw new Error(`the second attempt ended as ${again.how === 'failed' ? messageOf(again.error) : again.how}`);
  }
  const copies = world.copies();
  must(copies.length === 1 && copies[0].state === 'running', 'after the second attempt', world);
  must(world.guestStops || copies[0].side !== from, 'the second attempt moved nothing', world);
  must((await world.badPages()) === 0, 'the second attempt spoilt pages', world);
  const leases = await world.leaseHolders();
  must(leases.join() === copies[0].side, `the second attempt left the lease to: ${leases.join(', ')}`, world);
  assertNeverTwice(world.dirs);
}
