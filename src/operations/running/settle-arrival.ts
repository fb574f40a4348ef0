import { recoverArrival } from '../../dest/recover.js';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { arrivalsOf } from './incoming.js';

/**
 * Completes the arrival of a guest that is committed here, if its process died, or could not write, between the commit
 * and the end. Any later change to the guest would otherwise look as if this host had lost it. The caller holds the
 * guest's job, so no live process works on it. Never rejects: what stays open is settled by `recover`.
 */
export async function settleArrival(host: Host, uuid: string): Promise<void> {
  for (const entry of host.journal.list()) {
    const { header, state } = entry;
    if (header.side !== 'dest' || header.uuid !== uuid || state?.state !== 'committed') continue;
    try {
      await recoverArrival({ ...arrivalsOf(host), log: (line) => host.log(line) }, entry);
    } catch (error) {
      host.log(`${header.name}: its arrival from ${header.peer} could not be completed: ${messageOf(error)}`);
    }
  }
}
