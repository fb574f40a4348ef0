import { setTimeout as sleep } from 'node:timers/promises';
import { z } from '../../errors/zod.js';
import { guestDomid, type Domid } from '../domid.js';
import type { ToolstackEvent } from '../toolstack.js';
import { parseBigJson } from './big-json.js';
import { shutdownReasonOf } from './dominfo.js';
import type { DomainQueries } from './domain-queries.js';
import type { EventPump, LibxlEvent } from './event-pump.js';
import type { Address, LibxlNative } from './native.js';

/** Interval of the search for new domains: libxl watches only domains that it is given. */
const LOOK_MS = 500;

const cdromsSchema = z.looseObject({
  disks: z.array(z.looseObject({ vdev: z.string(), is_cdrom: z.int().default(0) })).default([]),
});

interface Watched {
  readonly uuid: string;
  death: Address | undefined;
  readonly ejects: Address[];
  /** libxl reports a shutdown once for each watch; a domain can resume and shut down again. */
  hasShutDown: boolean;
}

type WatchNative = Pick<
  LibxlNative,
  'listDomids' | 'userdata' | 'watchDeath' | 'unwatchDeath' | 'watchEject' | 'unwatchEject'
>;

/** Reports every domain's shutdown and death, and ejected disks, until the signal fires. */
export async function watchDomains(
  native: WatchNative,
  pump: EventPump,
  queries: Pick<DomainQueries, 'dominfo'>,
  emit: (event: ToolstackEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const watched = new Map<Domid, Watched>();
  const subscription = pump.watch((event) => {
    const told = translate(event, watched);
    if (told !== undefined) emit(told);
  });
  try {
    while (!signal.aborted) {
      await look(native, pump, queries, watched);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  } finally {
    subscription.stop();
    for (const domain of watched.values()) unwatch(native, domain);
  }
}

async function look(
  native: WatchNative,
  pump: EventPump,
  queries: Pick<DomainQueries, 'dominfo'>,
  watched: Map<Domid, Watched>,
): Promise<void> {
  for (const number of native.listDomids() ?? []) {
    if (number === 0) continue;
    const id = guestDomid(number);
    const known = watched.get(id);
    if (known !== undefined && !known.hasShutDown) continue;
    const info = await queries.dominfo(id);
    if (info?.uuid === undefined || info.dying) continue;
    if (known === undefined) {
      watched.set(id, {
        uuid: info.uuid,
        death: native.watchDeath(id, pump.newTag()),
        ejects: cdromsOf(native, id).flatMap((vdev) => native.watchEject(id, vdev, pump.newTag()) ?? []),
        hasShutDown: false,
      });
    } else if (!info.shutdown) {
      if (known.death !== undefined) native.unwatchDeath(known.death);
      known.death = native.watchDeath(id, pump.newTag());
      known.hasShutDown = false;
    }
  }
}

function cdromsOf(native: WatchNative, id: Domid): string[] {
  const config = native.userdata(id, 'libxl-json');
  if (config === undefined) return [];
  const parsed = cdromsSchema.safeParse(parseBigJson(config));
  return parsed.success ? parsed.data.disks.filter((disk) => disk.is_cdrom !== 0).map((disk) => disk.vdev) : [];
}

function translate(event: LibxlEvent, watched: Map<Domid, Watched>): ToolstackEvent | undefined {
  if (event.domid === 0) return undefined;
  const domid = guestDomid(event.domid);
  const domain = watched.get(domid);
  if (domain === undefined) return undefined;
  const who = { domid, uuid: domain.uuid };
  const shutdown = event['type.domain_shutdown'];
  if (shutdown !== undefined) {
    domain.hasShutDown = true;
    return { type: 'shutdown', ...who, reason: shutdownReasonOf(shutdown.shutdown_reason) };
  }
  if (event['type.domain_death'] !== undefined) {
    domain.death = undefined; // its watch ends with it
    watched.delete(domid);
    return { type: 'death', ...who };
  }
  const eject = event['type.disk_eject'];
  return eject === undefined ? undefined : { type: 'disk-eject', ...who, vdev: eject.vdev };
}

function unwatch(native: WatchNative, domain: Watched): void {
  if (domain.death !== undefined) native.unwatchDeath(domain.death);
  for (const eject of domain.ejects) native.unwatchEject(eject);
}
