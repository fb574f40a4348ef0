import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { needAbility } from '../running/need-ability.js';
import { noteRun } from '../running/note-run.js';

/**
 * Lets the kernel take over that a guest left in its memory (kexec, crash kernels; L12). The domain keeps its id. The caller holds its job.
 * @returns undefined where it runs again, else why it does not
 */
export async function softReset(host: Host, info: DomainInfo, signal: AbortSignal): Promise<string | undefined> {
  const { domid, uuid, name } = info;
  try {
    await needAbility(host, 'soft-reset', signal);
    await host.toolstack.softReset(domid, signal);
    await host.toolstack.unpause(domid, signal);
  } catch (error) {
    return messageOf(error);
  }
  noteRun(host, info, { state: 'running', reason: 'booted' });
  host.log(`${name}: soft-reset, with id ${domid} as before`);
  host.events.tell({ domain: name, uuid, id: domid, what: { type: 'soft-reset' } });
  return undefined;
}
