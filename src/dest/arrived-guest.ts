import { ToolstackError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { ownCommand } from '../errors/shell-words.js';
import type { Domid } from '../toolstack/domid.js';
import type { DomainInfo, Toolstack } from '../toolstack/toolstack.js';
import type { ArrivalHooks, NamedGuest } from './arrival-hooks.js';
import { INCOMING_SUFFIX } from './preflight.js';
import { callWithin } from './toolstack-call.js';

/** Attempts at removing a copy that must not stay. */
const DESTROY_TRIES = 3;

/** The same at letting a guest run that is ours: each costs it time, but so does being left paused. */
const ACTIVATE_TRIES = 3;

export interface GuestContext {
  readonly toolstack: Toolstack;
  readonly hooks: ArrivalHooks;
  readonly deadlines: { readonly callMs: number };
}

/** The result of unpausing the guest. */
export interface Activation {
  /** `vanished`: it was not here when it was first looked for. */
  readonly event: 'activated' | 'vanished';
  /** Why it does not run though it should. */
  readonly error?: ToolstackError;
}

/** The domain as it arrives at the destination: the only code here that destroys it or lets it run, and it looks first. */
export class ArrivedGuest {
  #domid: Domid | undefined;
  /** It was here after the commit: its later end is the guest's own. */
  #seen = false;
  #running = false;

  constructor(
    private readonly context: GuestContext,
    private readonly subject: NamedGuest,
    domid?: Domid,
  ) {
    this.#domid = domid;
  }

  /** The domain's id; undefined before the restore is done, or if the process died before it was known. */
  get domid(): Domid | undefined {
    return this.#domid;
  }

  /** Whether it ran at the last check. */
  get running(): boolean {
    return this.#running;
  }

  /** The restore has made it, paused. */
  restored(domid: Domid): void {
    this.#domid = domid;
  }

  #call<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return callWithin(this.context.deadlines.callMs, what, work);
  }

  /** Our copy, by the id that the journal has, or by its UUID if the process died before the id was known. */
  async #find(): Promise<DomainInfo | undefined> {
    return this.#call('looking for the arriving domain', async (signal) => {
      const { toolstack } = this.context;
      const info =
        this.#domid === undefined
          ? await toolstack.lookup(this.subject.uuid, signal)
          : await toolstack.info(this.#domid, signal);
      return info?.uuid === this.subject.uuid ? info : undefined;
    });
  }

  /** Unpauses the guest, if it is to run; the commit is on the disk. Never rejects: the guest is here whatever fails. */
  async activate(run: boolean): Promise<Activation> {
    for (let tries = 1; ; tries += 1) {
      try {
        return (await this.#letRun(run)) ? { event: 'activated' } : { event: 'vanished', error: lost() };
      } catch (error) {
        if (tries < ACTIVATE_TRIES) continue;
        // A call without an answer may have succeeded all the same: check before reporting a failure.
        const info = await this.#find().catch(() => undefined); // the first failure is reported then
        this.#running = info?.state === 'running';
        return this.#running ? { event: 'activated' } : { event: 'activated', error: this.#doesNotRun(error) };
      }
    }
  }

  /** False if it is not here and was not seen here. */
  async #letRun(run: boolean): Promise<boolean> {
    const { toolstack, hooks } = this.context;
    const info = await this.#find();
    if (info === undefined && this.#seen) throw new ToolstackError('E_TOOLSTACK_GONE', 'it is gone again');
    if (info === undefined) return false;
    this.#seen = true;
    await hooks.committed(this.subject);
    if (info.state === 'paused' && run) {
      await this.#call('letting the guest run', (signal) => toolstack.unpause(info.domid, signal));
      this.#running = true;
    } else {
      this.#running = info.state === 'running';
    }
    hooks.arrived(info, this.#running);
    return true;
  }

  #doesNotRun(error: unknown): ToolstackError {
    const { name } = this.subject;
    const hint =
      codeOf(error) === 'E_TOOLSTACK_GONE'
        ? `It has ended there: \`${ownCommand('logs', name)}\` at the destination may say why.`
        : `Run \`${ownCommand('resume', name)}\` at the destination.`;
    const text = `the guest has arrived but does not run: ${messageOf(error)}`;
    return new ToolstackError('E_TOOLSTACK_UNPAUSE', text, { cause: error, hint });
  }

  /** Destroys the partial copy, and nothing else. Rejects if it is not ours, or still exists after some attempts. */
  async destroy(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#end();
        return;
      } catch (error) {
        if (tries >= DESTROY_TRIES) throw error;
      }
    }
  }

  async #end(): Promise<void> {
    const info = await this.#find();
    if (info === undefined) return;
    // Only a copy that never ran, under the name we gave it or with the id we recorded, is ours to end.
    if (info.state !== 'paused' || (this.#domid === undefined && !info.name.endsWith(INCOMING_SUFFIX))) {
      const problem = `${info.name} (id ${info.domid}) is ${info.state}: not the copy that was arriving`;
      throw new ToolstackError('E_TOOLSTACK_STATE', problem);
    }
    await this.#call('removing the partial domain', (signal) => this.context.toolstack.destroy(info.domid, signal));
  }
}

/**
 * The host went down between the commit and now. The guest may have run here, so the source must not continue from its old memory
 * by itself, nor throw that away: a person decides.
 */
function lost(): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_GONE', 'the guest had arrived here, but this host has lost it since', {
    hint: 'Look at the disks; then resume the suspended copy at the source by hand, or destroy it and start the guest anew.',
  });
}
