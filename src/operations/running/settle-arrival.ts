import { recoverArrival } from '../../dest/recover.js';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { arrivalsOf } from './incoming.js';

/**
 * Finishes what is left of a guest's arrival where it is ours already: its process died, or could not write, between the commit and
 * the end. Whatever is done to the guest now would otherwise look, later on, as if this host had lost it. The caller holds the
 * guest's job, so no live process is at work on it. Never rejects: what stays open is settled by `recover`.
 */
export async function settleArrival(host: Host, uuid: string): Promise<void> {
  for (const entry of host.journal.list()) {
    const { header, state } = entry;
    if (header.side !== 'dest' || header.uuid !== uuid || state?.state !== 'committed') continue;
    try {
      await recoverArrival({ ...arrivalsOf(host), log: (line) => host.log(line) }, entry);
    } catch (error) {
      host.log(`${header.name}: its arrival from ${header.peer} could not be finished: ${messageOf(error)}`);
    }
  }
}
