import process from 'node:process';
import { DEFAULT_ARRIVAL_LIMITS, type ArrivalsContext } from '../../dest/arrivals.js';
import type { Admitted, ArrivalHooks, NamedGuest, PrepareOptions } from '../../dest/arrival-hooks.js';
import type { Domain } from '../../domain/model.js';
import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import { refuseWhileEvacuating } from '../../host/evacuation-lock.js';
import type { Host } from '../../host/host.js';
import { collisionOf } from '../../host/registry/collisions.js';
import { refuseMissingDisks } from './disks-here.js';
import { tellRun } from './note-run.js';
import { makeRoom } from '../../host/memory/make-room.js';
import { refuseForeignDefinition } from './sent-definition.js';
import { refuseManagedSave } from './start-domain.js';
import { noteStopped } from './stop-domain.js';

/** The parts of this host that receiving guests needs. */
export function arrivalsOf(
  host: Host,
): Pick<
  ArrivalsContext<never>,
  'toolstack' | 'journal' | 'deadlines' | 'reserve' | 'hooks' | 'machine' | 'limits' | 'spareKiB'
> {
  const { toolstack, journal, deadlines, jobs } = host;
  const reserve: ArrivalsContext<never>['reserve'] = async (uuid, name, why, signal, kind) => {
    if (kind === 'settling') return jobs.reserve(uuid, name, why, signal, kind);
    const slot = await host.incoming.take(name, signal, (place, limit) => {
      host.log(
        `${name} (${why}) waits: ${limit} incoming migrations are under way; its place in the queue is ${place}`,
      );
    });
    try {
      return await jobs.reserve(uuid, name, why, signal, kind, slot);
    } catch (error) {
      slot[Symbol.dispose]();
      throw error;
    }
  };
  const limits = {
    all: host.maxArrivals ?? DEFAULT_ARRIVAL_LIMITS.all,
    ofPeer: host.maxArrivalsOfPeer ?? DEFAULT_ARRIVAL_LIMITS.ofPeer,
  };
  // The CPUs of domain 0, or those that a control group leaves this process.
  const spareKiB = (): number => Math.floor(process.availableMemory() / 1024);
  const hooks = new IncomingGuests(host);
  return { toolstack, journal, deadlines, reserve, hooks, machine: host.handover.dest, limits, spareKiB };
}

const NOT_STAGED = { change: undefined, endsAutostart: false };
const ENDS_AUTOSTART = 'its definition came from another host, so that it no longer starts with this one';

/** Arriving guests take the same steps as every other start (`startDomain`), spread over their arrival. */
class IncomingGuests implements ArrivalHooks {
  constructor(private readonly host: Host) {}

  makeRoom({ name }: Domain, neededKiB: number, promisedKiB: number, signal: AbortSignal): Promise<void> {
    const { toolstack, autoballoon } = this.host;
    return makeRoom(toolstack, autoballoon, { name, neededKiB, promisedKiB, signal });
  }

  async prepare(sent: Domain, options: PrepareOptions, signal: AbortSignal): Promise<Admitted> {
    const { host } = this;
    const { definition, unsafe, peer, reaching } = options;
    refuseWhileEvacuating(host);
    const ruled = await host.participants.arriving(sent, signal);
    const guest = ruled ?? sent;
    await host.peers.check({
      name: guest.name,
      domains: definition === undefined ? [guest] : [guest, definition],
      reaching: ruled === undefined ? reaching : [],
      own: () => host.definitions.all().definitions.map(({ domain }) => domain),
    });
    if (definition !== undefined) refuseForeignDefinition(host, definition, peer);
    const { domains } = await host.known(signal);
    const collision = collisionOf(guest, domains, true);
    if (collision !== undefined) throw collision;
    refuseManagedSave(host, guest.uuid, guest.name);
    // A simulated guest's disks do not exist.
    const { toolstack } = await host.toolstack.host(signal);
    if (!unsafe && toolstack === 'libxl') await refuseMissingDisks(guest);
    try {
      if (definition !== undefined) host.definitions.stage(definition);
      await host.participants.prepare({ domain: guest, how: 'migrated' }, signal);
      await host.participants.start({ domain: guest, how: 'migrated' }, signal);
    } catch (error) {
      await this.refused(guest, undefined);
      throw error;
    }
    return { domain: guest, isXmlOnly: ruled !== undefined };
  }

  async restored(guest: Domain, info: DomainInfo, signal: AbortSignal): Promise<void> {
    await this.host.participants.started({ domain: guest, how: 'migrated', info, paused: true }, signal);
  }

  claim({ uuid }: NamedGuest, migration: string, signal: AbortSignal): Promise<void> {
    return this.host.leases.migrating.claim(uuid, migration, signal);
  }

  committed({ uuid, name }: NamedGuest): Promise<void> {
    const { definitions, participants, log } = this.host;
    try {
      const { change: detail, endsAutostart } = definitions.keepStaged(uuid) ?? NOT_STAGED;
      if (endsAutostart) log(`${name}: ${ENDS_AUTOSTART}; \`xenferry autostart ${name}\` enables it again`);
      if (detail !== undefined) {
        participants.changed({ uuid, name, domid: undefined, change: { event: 'defined', detail } });
      }
    } catch (error) {
      log(`${name}: it has arrived, but its definition could not be stored: ${messageOf(error)}`);
    }
    return Promise.resolve();
  }

  arrived(info: DomainInfo, running: boolean): void {
    const { host } = this;
    host.leases.migrating.keep(info.uuid);
    const change = { event: 'started', detail: 'migrated' } as const;
    if (running) {
      tellRun(host, info, { state: 'running', reason: 'migrated' }, change);
      const resumed = { event: 'resumed', detail: 'migrated' } as const;
      host.participants.changed({ uuid: info.uuid, name: info.name, domid: info.domid, change: resumed });
    } else {
      tellRun(host, info, { state: 'paused', reason: 'user' }, change);
      const paused = { event: 'suspended', detail: 'paused' } as const;
      host.participants.changed({ uuid: info.uuid, name: info.name, domid: info.domid, change: paused });
    }
  }

  async refused({ uuid, name }: NamedGuest, domid: number | undefined): Promise<void> {
    const { host } = this;
    try {
      host.definitions.dropStaged(uuid);
    } catch (error) {
      host.log(`${name}: the definition received with it could not be removed: ${messageOf(error)}`);
    }
    await noteStopped(host, { uuid, name, domid, domain: undefined, reason: 'failed' });
  }

  isPersistent(uuid: string): boolean {
    try {
      return this.host.definitions.get(uuid) !== undefined;
    } catch {
      return false; // the source must not rely on an unreadable definition
    }
  }
}
