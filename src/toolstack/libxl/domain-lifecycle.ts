import { ToolstackError } from '../../errors/errors.js';
import { guestDomid, type Domid } from '../domid.js';
import { noButton, type Button } from '../no-button.js';
import { readConfig } from './domain-config.js';
import { ANNOTATIONS_USERDATA, PRESERVED_USERDATA, type DomainQueries } from './domain-queries.js';
import type { LibxlCalls, Transfer } from './libxl-calls.js';
import { SHUTDOWN_REBOOT, SUSPEND_LIVE, TRIGGER_POWER, TRIGGER_S3RESUME, type LibxlNative } from './native.js';
import { withStruct } from './with-struct.js';

/** Operations on an existing domain, until its end. */
export class DomainLifecycle {
  private readonly native: LibxlNative;

  constructor(
    private readonly calls: LibxlCalls,
    private readonly queries: DomainQueries,
  ) {
    this.native = calls.native;
  }

  /** Writes a domain's save stream. The caller keeps the descriptor. */
  async save(id: Domid, fd: number, live: boolean, transfer: Transfer): Promise<void> {
    try {
      await this.calls.mutate('saved', id, `save domain ${id}`, transfer, (domid, tag) =>
        this.native.suspend(domid, fd, live ? SUSPEND_LIVE : 0, tag),
      );
    } catch (error) {
      await this.withdrawSuspend(id);
      throw error;
    }
  }

  /**
   * A save that ended early may have asked the guest to suspend, which it must not do when the save is no longer under
   * way. If the guest has received the request already, a later check finds it suspended, and resumes it.
   */
  async withdrawSuspend(id: Domid): Promise<void> {
    try {
      await this.native.withdrawSuspend(guestDomid(id, 'asked not to suspend'));
    } catch {
      // The domain has gone, or xenstored has: what broke the save is the story.
    }
  }

  async resume(id: Domid): Promise<void> {
    const info = await this.queries.dominfo(id);
    if (info?.shutdown !== true || info.shutdown_reason !== 'suspend') {
      throw new ToolstackError('E_TOOLSTACK_NOT_SUSPENDED', `domain ${id} cannot be resumed: it is not suspended`, {
        hint: 'Only a domain in state shutdown, reason suspend, can be resumed.',
        data: { domid: id },
      });
    }
    await this.calls.mutate('resumed', id, `resume domain ${id}`, undefined, (domid, tag) =>
      this.native.resume(domid, true, tag),
    );
  }

  /** The guest suspends itself, and stays in memory. On failure the request is taken back. */
  async suspendToMemory(id: Domid, transfer: Transfer): Promise<void> {
    try {
      await this.calls.mutate('suspended', id, `suspend domain ${id} to memory`, transfer, (domid, tag) =>
        this.native.suspendOnly(domid, tag),
      );
    } catch (error) {
      await this.withdrawSuspend(id);
      throw error;
    }
  }

  /** Rebuilds a domain around its memory. libxl removes the domain's userdata on the way; the annotations are stored again. */
  async softReset(id: Domid, transfer: Transfer): Promise<void> {
    const info = await this.queries.dominfo(id);
    if (info?.shutdown !== true || info.shutdown_reason === 'suspend') {
      throw new ToolstackError('E_TOOLSTACK_STATE', `domain ${id} cannot be soft-reset: it has not shut down`, {
        data: { domid: id },
      });
    }
    const annotations = this.native.userdata(id, ANNOTATIONS_USERDATA);
    await withStruct(this.native, 'domain_config', async (config) => {
      await this.calls.run(`look at domain ${id}`, id, () => this.native.retrieveConfig(id, config));
      await this.calls.mutate('soft-reset', id, `soft-reset domain ${id}`, transfer, (domid, tag) =>
        this.native.softReset(domid, config, tag),
      );
    });
    if (annotations !== undefined) await this.annotate(id, annotations);
  }

  /** Stores a domain's title, description and metadata, as `formatAnnotations` writes them. */
  async annotate(id: Domid, text: string): Promise<void> {
    await this.calls.run(`keep title, description and metadata of domain ${id}`, id, () =>
      Promise.resolve(this.native.keepUserdata(guestDomid(id, 'annotated'), ANNOTATIONS_USERDATA, text)),
    );
  }

  async pause(id: Domid): Promise<void> {
    await this.calls.mutate('paused', id, `pause domain ${id}`, undefined, (domid, tag) =>
      this.native.pause(domid, tag),
    );
  }

  async unpause(id: Domid): Promise<void> {
    await this.calls.mutate('unpaused', id, `unpause domain ${id}`, undefined, (domid, tag) =>
      this.native.unpause(domid, tag),
    );
  }

  async rename(id: Domid, name: string): Promise<void> {
    await this.calls.run(`rename domain ${id} to ${name}`, id, () =>
      this.native.rename(guestDomid(id, 'renamed'), name),
    );
  }

  /** Appends a suffix to the name of a domain that has shut down, and changes its UUID. */
  async preserve(id: Domid, suffix: string, uuid: string): Promise<void> {
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
    await withStruct(this.native, 'domain_config', async (config) => {
      const domid = guestDomid(id, 'preserved');
      await this.calls.run(`look at domain ${id}`, id, () => this.native.retrieveConfig(domid, config));
      await this.calls.run(`preserve domain ${id}`, id, () => this.native.preserve(domid, config, suffix, bytes));
      await this.calls.run(`keep the UUID of domain ${id}`, id, () =>
        Promise.resolve(this.native.keepUserdata(domid, PRESERVED_USERDATA, uuid)),
      );
    });
  }

  /** Requests a shutdown; a guest without Xen drivers cannot receive it. */
  async shutdown(id: Domid): Promise<void> {
    await this.calls.mutate('shut down', id, `shut domain ${id} down`, undefined, (domid, tag) =>
      this.native.shutdown(domid, tag),
    );
  }

  /**
   * Presses a button of an HVM guest. libxl and Xen have effects on other types, too: a reset ends a PVH guest.
   * @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other
   */
  async press(id: Domid, button: Button): Promise<void> {
    const { domain } = readConfig(await this.queries.configOf(guestDomid(id, `given its ${button} button`)));
    if (domain.type !== 'hvm') throw noButton(domain, button);
    const doing = `press the ${button} button of domain ${id}`;
    if (button === 'reset') {
      await this.calls.run(doing, id, () =>
        Promise.resolve(this.native.forceShutdown(guestDomid(id, 'reset'), SHUTDOWN_REBOOT)),
      );
      return;
    }
    const trigger = button === 'power' ? TRIGGER_POWER : TRIGGER_S3RESUME;
    await this.calls.mutate(`given its ${button} button`, id, doing, undefined, (domid, tag) =>
      this.native.trigger(domid, trigger, tag),
    );
  }

  async dumpCore(id: Domid, path: string, transfer: Transfer): Promise<void> {
    await this.calls.mutate('dumped', id, `dump domain ${id} to ${path}`, transfer, (domid, tag) =>
      this.native.coreDump(domid, path, tag),
    );
  }

  async reboot(id: Domid): Promise<void> {
    await this.calls.mutate('rebooted', id, `reboot domain ${id}`, undefined, (domid, tag) =>
      this.native.reboot(domid, tag),
    );
  }

  /** Succeeds if the domain is gone already. */
  async destroy(id: Domid): Promise<void> {
    if ((await this.queries.dominfo(id)) === undefined) return;
    try {
      await this.calls.mutate('destroyed', id, `destroy domain ${id}`, undefined, (domid, tag) =>
        this.native.destroy(domid, tag),
      );
    } catch (error) {
      if (error instanceof ToolstackError && error.code === 'E_TOOLSTACK_DOMAIN_GONE') return; // another process was faster
      throw error;
    }
  }
}
