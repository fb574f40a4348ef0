import { MAX_EPOCH_STEP, type Prepare, type Problem, type Reply } from '../control/messages.js';
import { ProtocolError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { bounded } from '../errors/printable.js';
import { toWire } from '../errors/wire.js';
import type { DestMachine } from '../handover/machines.js';
import type { Journal } from '../journal/journal.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import type { ArrivalHooks } from './arrival-hooks.js';
import { findProblems, neededKiB } from './preflight.js';
import type { SentGuest } from './sent-guest.js';

/** A `prepare` under the reservation of its guest, on its way through the checks. */
export interface Attempt {
  readonly request: Prepare;
  readonly sent: SentGuest;
  readonly context: {
    readonly journal: Journal;
    readonly toolstack: Toolstack;
    readonly hooks: ArrivalHooks;
    readonly machine: DestMachine;
  };
  /** Reserves the memory that the guest needs, and returns the reservations made before it. */
  readonly promise: (neededKiB: number) => number;
  readonly signal: AbortSignal;
}

/** Checks one condition. Resolves with the refusal if it is not met; a rejection refuses the guest as well. */
type Check = (attempt: Attempt) => Promise<Reply | undefined> | Reply | undefined;

/** In this order; the first that refuses ends it. */
const CHECKS: readonly Check[] = [isNewerAttempt, isNextAttempt, fitsHere];

/** All checks of a guest that this host makes before its operator's rules. Undefined: no objection. */
export async function refusalFor(attempt: Attempt): Promise<Reply | undefined> {
  for (const check of CHECKS) {
    const refused = await check(attempt);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function isNewerAttempt({ request: { epoch }, sent, context }: Attempt): Reply | undefined {
  const highestEpoch = context.journal.highestEpoch(sent.domain.uuid);
  if (context.machine.admission({ known: false, epoch, highestEpoch }) !== 'stale') return undefined;
  const problem = {
    code: 'E_REFUSED_EPOCH',
    message: `attempt ${epoch} comes after attempt ${highestEpoch} was seen`,
    remedy: 'Start the migration again.',
  };
  return { ...refusal([problem]), highestEpoch };
}

function isNextAttempt({ request: { epoch }, sent, context }: Attempt): Reply | undefined {
  const highestEpoch = context.journal.highestEpoch(sent.domain.uuid);
  if (epoch <= highestEpoch + MAX_EPOCH_STEP) return undefined;
  const leap = `attempt ${epoch} of a guest of which ${highestEpoch} were seen here`;
  const hint = 'Attempts are numbered one by one: is that peer xenferry, and its journal whole?';
  return refusalOf(new ProtocolError('E_PROTOCOL_EPOCH', leap, { hint }));
}

/** Name, UUID and memory; where memory alone is missing, room is made once. */
async function fitsHere({ request, sent: { domain }, context, promise, signal }: Attempt): Promise<Reply | undefined> {
  const promisedKiB = promise(domain.memoryMaxKiB);
  const origin = { xen: request.xen, unsafe: request.unsafe === true };
  const look = (): Promise<Problem[]> => findProblems(domain, context.toolstack, promisedKiB, origin, signal);
  let problems = await look();
  if (problems.length === 1 && problems[0].code === 'E_REFUSED_NO_MEMORY') {
    await context.hooks.makeRoom(domain, neededKiB(domain), promisedKiB, signal);
    problems = await look();
  }
  return problems.length === 0 ? undefined : refusal(problems);
}

function refusal(problems: readonly Problem[]): Extract<Reply, { type: 'refused' }> {
  const shown = problems.map(({ code, message, remedy }) => ({
    code,
    message: bounded(message),
    remedy: bounded(remedy),
  }));
  return { type: 'refused', problems: shown };
}

/** A `prepare` that is refused, and why. */
export function refusalOf(error: unknown): Reply {
  const hint = error instanceof XenferryError ? error.hint : undefined;
  return refusal([{ code: codeOf(error), message: messageOf(error), remedy: hint ?? toWire(error).message }]);
}
