import type { Reply, Request } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { ProtocolError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import type { JournalEntry } from '../journal/journal-text.js';
import { destPhaseOf } from '../journal/open-migrations.js';
import { JOURNAL_VERSION } from '../journal/records.js';
import { notYours, relationOf, takenOver } from './begun-by.js';
import { recoverArrival, type RecoverContext } from './recover.js';
import type { Reservation, Reserve } from './reservation.js';
import type { SourceConnection } from './source-connection.js';

type Status = Extract<Request, { type: 'status' }>;

/**
 * How long it is recorded that a migration never was here: for longer than a `prepare` of it can still be under way from
 * a source that has died since. After that a source that asks again gets the same answer.
 */
const REMEMBERED_MS = 3_600_000;
/** Migrations that never were here, of one peer in that time: each is a file. */
const MAX_NEVER_HERE = 256;

export interface HistoryContext extends RecoverContext {
  readonly reserve: Reserve;
}

/** Migrations that are not under way in this process, as far as the journal records them. */
export class ArrivalHistory {
  constructor(private readonly context: HistoryContext) {}

  /** The source's copy is gone: it will not ask about this migration again. If that cannot be recorded, the journal is kept for longer. */
  confirmed(migration: string, from: SourceConnection): void {
    try {
      const { journal } = this.context;
      const entry = journal.read(migration, 'dest');
      this.#checkBegunBy(entry, from);
      const state = entry?.state;
      if (state?.state !== 'activated' || state.confirmed === true) return;
      using file = journal.resume(migration, 'dest');
      file.append({ ...state, confirmed: true });
    } catch (error) {
      this.context.log(`migration ${migration}: its end could not be recorded: ${messageOf(error)}`);
    }
  }

  /**
   * The answer to a request about a migration that is not under way here: what the journal alone proves. What an earlier
   * process left undecided stays pending, for `status` to settle.
   */
  recordedOutcome(migration: string, from: SourceConnection): Reply {
    const { journal, machine } = this.context;
    const entry = journal.read(migration, 'dest');
    this.#checkBegunBy(entry, from);
    const outcome = machine.outcomeOf(machine.recall(destPhaseOf(entry)));
    const why = outcome === 'committed' ? undefined : entry?.state?.why;
    return {
      type: 'outcome',
      outcome,
      ...(why === undefined ? {} : { error: { code: 'E_TUNNEL_REMOTE', message: why } }),
    };
  }

  /**
   * The source asks about a migration that is not under way in this process. Settles what a dead
   * process left, and, if nothing is known, records that this migration can never commit here,
   * before saying so.
   */
  async status(request: Extract<Request, { type: 'status' }>, from: SourceConnection): Promise<Reply> {
    const { context } = this;
    const known = context.journal.read(request.migration, 'dest');
    this.#checkBegunBy(known, from);
    const said = known?.state?.state;
    if (said === 'refused') return { type: 'outcome', outcome: 'aborted' };
    if (said === 'activated') {
      const info = await context.toolstack.lookup(request.uuid, AbortSignal.timeout(context.deadlines.callMs));
      const persistent = context.hooks.isPersistent(request.uuid);
      return { type: 'outcome', outcome: 'committed', running: info?.state === 'running', persistent };
    }
    using deadline = new Deadline(
      new AbortController().signal,
      context.deadlines.callMs,
      'E_DEADLINE_JOB',
      'the reservation',
    );
    let reservation: Reservation;
    try {
      reservation = await context.reserve(
        request.uuid,
        request.name,
        'settling a migration',
        deadline.signal,
        'settling',
      );
    } catch {
      return this.recordedOutcome(request.migration, from); // another process of this host is still at work on it
    }
    try {
      const entry = context.journal.read(request.migration, 'dest');
      if (entry !== undefined) return await recoverArrival(context, entry);
      this.#neverHere(request, from);
      return { type: 'outcome', outcome: 'aborted' };
    } finally {
      reservation[Symbol.dispose]();
    }
  }

  /** Records that this migration can never commit here. @throws ProtocolError `E_PROTOCOL_UNKNOWN` if there were too many */
  #neverHere(request: Status, from: SourceConnection): void {
    const { journal } = this.context;
    const now = Date.now();
    const theirs = journal.list().filter(({ header }) => header.neverHere === true && header.identity === from.peer);
    const isOld = ({ header }: JournalEntry): boolean => now - Date.parse(header.startedAt) > REMEMBERED_MS;
    for (const { header } of theirs.filter(isOld)) journal.remove(header.migration, 'dest');
    if (theirs.length - theirs.filter(isOld).length >= MAX_NEVER_HERE) {
      throw new ProtocolError(
        'E_PROTOCOL_UNKNOWN',
        `${from.peer} asked after ${MAX_NEVER_HERE} migrations that never were here`,
        {
          hint: 'The next answer can be had in an hour. Does `xenferry recover --list` at the source name the right destination?',
        },
      );
    }
    const startedAt = new Date(now).toISOString();
    using file = journal.begin({
      journal: JOURNAL_VERSION,
      side: 'dest',
      migration: request.migration,
      epoch: request.epoch,
      uuid: request.uuid,
      name: request.name,
      peer: from.hostname,
      identity: from.peer,
      ...(from.key === undefined ? {} : { key: from.key }),
      neverHere: true,
      startedAt,
    });
    file.append({ state: 'refused', at: startedAt, why: 'never prepared here' });
  }

  /** @throws ProtocolError `E_PROTOCOL_NOT_YOURS` where another peer began that migration */
  #checkBegunBy(entry: JournalEntry | undefined, from: SourceConnection): void {
    if (entry === undefined) return;
    const { migration, identity, key } = entry.header;
    const begun = { peer: identity, key };
    const relation = relationOf(begun, from);
    if (relation === 'other') throw notYours(`migration ${migration}`, begun);
    if (relation === 'by name') this.context.log(takenOver(migration, begun, from));
  }
}
