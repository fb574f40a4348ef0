import { RefusedError } from '../../errors/errors.js';
import type { Holder } from './lease-record.js';
import type { LockableDisk } from './lockable-disks.js';

/** The holder of a lease, for people. */
export function holderText({ name, uuid, host, since }: Holder): string {
  return `${name} (${uuid}) on ${host}, since ${since}`;
}

/** `E_REFUSED_LEASE_FOLDER`: a running guest has its leases in another folder. */
export function otherFolder(name: string, had: string, now: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_LEASE_FOLDER',
    `the leases of domain ${name} are in ${had}, and \`lease_dir\` is ${now} now`,
    { hint: 'Set `lease_dir` back, or start the domain anew.', data: { had, now } },
  );
}

/** `E_REFUSED_LEASE`: another guest has the disk. */
export function inUse({ disk }: LockableDisk, me: Holder, holder: Holder): RefusedError {
  const { name, host } = holder;
  const stop =
    holder.uuid === me.uuid
      ? `It runs on ${host}: \`xenferry migrate\` moves it from there.`
      : `Stop ${name} on ${host}, or let both have it as <shareable/>.`;
  return new RefusedError('E_REFUSED_LEASE', `disk ${disk} of ${me.name} is in use by ${holderText(holder)}`, {
    hint:
      holder.hostId === me.hostId
        ? stop
        : `${stop} If ${host} is dead for good, --force-lease takes the disk from it: if ${name} runs there after all, both write to the disk and destroy it.`,
    data: { disk, holder: name, uuid: holder.uuid, host, since: holder.since },
  });
}
