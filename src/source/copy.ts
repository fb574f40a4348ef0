import { Deadline } from '../errors/deadline.js';
import { ToolstackError, XenferryError } from '../errors/errors.js';
import type { Domid } from '../toolstack/domid.js';
import type { DomainInfo, Toolstack } from '../toolstack/toolstack.js';
import type { GuestPlace } from './report.js';

/** Attempts at ending our copy once the destination has committed. */
const DESTROY_TRIES = 3;

/** The same at letting it run on: every try costs the guest time, but so does its being left suspended. */
const RESUME_TRIES = 3;

/** The copy of the domain that stays at the source: the only code here that destroys or resumes it, and it looks first. */
export class SourceCopy {
  constructor(
    private readonly toolstack: Toolstack,
    private readonly domid: Domid,
    private readonly uuid: string,
    private readonly callMs: number,
    /** Called before the copy may run on; a rejection leaves it suspended. */
    private readonly beforeResume: () => Promise<void> = () => Promise.resolve(),
  ) {}

  /** The domain with our id, if it is still the one with our UUID. */
  async #look(signal: AbortSignal): Promise<DomainInfo | undefined> {
    const info = await this.toolstack.info(this.domid, signal);
    return info?.uuid === this.uuid ? info : undefined;
  }

  #deadline(what: string): Deadline {
    return new Deadline(new AbortController().signal, this.callMs, 'E_DEADLINE_TOOLSTACK', what);
  }

  /** The guest's place, as far as this host knows. */
  async place(): Promise<GuestPlace> {
    using deadline = this.#deadline('looking at the domain');
    return placeOf(await this.#look(deadline.signal));
  }

  /** Destroys the suspended copy, and nothing else. Rejects if it is not suspended, or still exists after some attempts. */
  async destroy(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      using deadline = this.#deadline('destroying the source copy');
      try {
        const info = await this.#look(deadline.signal);
        if (info === undefined) return; // gone already, or the id is another domain's
        if (info.state !== 'shutdown' || info.shutdownReason !== 'suspend') {
          throw new ToolstackError(
            'E_TOOLSTACK_STATE',
            `${info.name} (id ${info.domid}) was left suspended here but is ${info.state} now: another program let it run`,
            { hint: 'Two copies may be running. Stop this one by hand after looking at the destination.' },
          );
        }
        await this.toolstack.destroy(this.domid, deadline.signal);
        return;
      } catch (error) {
        if (tries >= DESTROY_TRIES || (error instanceof XenferryError && error.code === 'E_TOOLSTACK_STATE'))
          throw error;
      }
    }
  }

  /**
   * Resumes the copy if the save had suspended it (facts 2.3). Resolves to the guest's place. A call that failed
   * may have done its work all the same, and one that could not look may look the next time: rejects after some attempts.
   */
  async resume(): Promise<GuestPlace> {
    for (let tries = 1; ; tries += 1) {
      using deadline = this.#deadline('resuming the domain');
      try {
        const info = await this.#look(deadline.signal);
        if (info?.state !== 'shutdown' || info.shutdownReason !== 'suspend') return placeOf(info);
        await this.beforeResume();
        await this.toolstack.resume(this.domid, deadline.signal);
        return placeOf(await this.#look(deadline.signal));
      } catch (error) {
        if (tries >= RESUME_TRIES) throw error;
      }
    }
  }
}

function placeOf(info: DomainInfo | undefined): GuestPlace {
  if (info?.state === 'running') return 'source-running';
  if (info?.state === 'paused') return 'source-paused';
  return info?.shutdownReason === 'suspend' ? 'source-suspended' : 'source-stopped';
}
