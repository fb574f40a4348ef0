import { randomBytes } from 'node:crypto';
import { defineDomain } from '../domain/definition/define.js';
import { formatDomainXml } from '../domain/format.js';
import { withoutPasswords } from '../domain/passwords.js';
import { RefusedError } from '../errors/errors.js';
import type { DomainInfo, GuestConfig, GuestReport } from '../toolstack/toolstack.js';
import type { Host } from './host.js';

/** A domain as lists show it. */
export interface ListedDomain {
  readonly id: number;
  readonly name: string;
  readonly uuid: string;
  /** `running`, `paused`, `dying`, or for a domain that stopped: why. */
  readonly state: string;
  /** Whether its definition outlives it. */
  readonly persistent: boolean;
}

/** What `state` reads for a domain: where it stopped, the reason says more than `shutdown`. */
export function stateText(info: DomainInfo): string {
  if (info.state !== 'shutdown') return info.state;
  return info.shutdownReason === 'suspend' ? 'suspended' : (info.shutdownReason ?? 'shutdown');
}

export async function listDomains(host: Host): Promise<ListedDomain[]> {
  const infos = await host.toolstack.list();
  return infos.map((info) => ({
    id: info.domid,
    name: info.name,
    uuid: info.uuid,
    state: stateText(info),
    persistent: false,
  }));
}

/** A domain that was made, and what its definition says in vain. */
export interface Created {
  readonly info: DomainInfo;
  readonly warnings: readonly string[];
}

function randomOctets(): [number, number, number] {
  const [a, b, c] = randomBytes(3);
  return [a, b, c];
}

/**
 * Makes a domain from domain XML and lets it run. On failure nothing is left.
 * @throws UsageError `E_USAGE_DOMAIN_*` with all that is wrong with the definition
 */
export async function createDomain(
  host: Host,
  xml: string,
  options: { readonly paused: boolean; readonly signal: AbortSignal },
): Promise<Created> {
  const { domain, warnings } = defineDomain(xml, { randomOctets });
  using _job = await host.jobs.take(domain.uuid, domain.name, 'creating it', options.signal);
  const domid = await host.toolstack.create({ domain }, options.signal);
  try {
    if (!options.paused) await host.toolstack.unpause(domid, options.signal);
  } catch (error) {
    await host.toolstack.destroy(domid);
    throw error;
  }
  return { info: await host.find(domain.uuid), warnings };
}

export interface DomainDetails {
  readonly info: DomainInfo;
  readonly config: GuestConfig;
  readonly guest: GuestReport | undefined;
}

export async function domainDetails(host: Host, ref: string): Promise<DomainDetails> {
  const info = await host.find(ref);
  return {
    info,
    config: await host.toolstack.describe(info.domid),
    guest: await host.toolstack.guestReport(info.domid),
  };
}

/** The live definition as domain XML; its passwords only `withSecrets`. */
export async function dumpXml(host: Host, ref: string, withSecrets = false): Promise<string> {
  const info = await host.find(ref);
  const { domain } = await host.toolstack.describe(info.domid);
  return formatDomainXml(withSecrets ? domain : withoutPasswords(domain));
}

export async function destroyDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withJob(host, ref, 'destroying it', signal, (info) => host.toolstack.destroy(info.domid, signal));
}

export async function suspendDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withJob(host, ref, 'pausing it', signal, async (info) => {
    if (info.state === 'paused') return;
    if (info.state !== 'running') throw stateError(info, 'paused', 'running');
    await host.toolstack.pause(info.domid, signal);
  });
}

/** Lets a paused domain run; also one that an abandoned save left suspended, unless a migration of it is still open. */
export async function resumeDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withJob(host, ref, 'resuming it', signal, async (info) => {
    if (info.state === 'running') return;
    if (info.state === 'paused') {
      refuseWhileArriving(host, info);
      return host.toolstack.unpause(info.domid, signal);
    }
    if (info.shutdownReason !== 'suspend') throw stateError(info, 'resumed', 'paused');
    refuseWhileLeaving(host, info);
    return host.toolstack.resume(info.domid, signal);
  });
}

/** Never two running copies: whether this one may run is for the open migration to settle. */
function refuseWhileLeaving(host: Host, info: DomainInfo): void {
  const open = host.journal
    .list()
    .find(
      ({ header, state }) =>
        header.side === 'source' &&
        header.uuid === info.uuid &&
        (state?.state === 'deciding' || state?.state === 'leaving'),
    );
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_IN_DOUBT',
    `domain ${info.name} is leaving for ${open.header.peer}, and may be running there already`,
    { hint: 'Run `xenferry recover`: it asks the destination.' },
  );
}

function refuseWhileArriving(host: Host, info: DomainInfo): void {
  const open = host.journal
    .list()
    .find(
      ({ header, state }) =>
        header.side === 'dest' && header.uuid === info.uuid && (state === undefined || state.state === 'receiving'),
    );
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_ARRIVING',
    `domain ${info.name} has not arrived from ${open.header.peer}: it still runs there`,
    {
      hint: 'Wait for the migration; if it has ended, run `xenferry recover`.',
    },
  );
}

function stateError(info: DomainInfo, done: string, needed: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_STATE',
    `domain ${info.name} cannot be ${done}: it is ${stateText(info)}, not ${needed}`,
  );
}

async function withJob(
  host: Host,
  ref: string,
  why: string,
  signal: AbortSignal,
  work: (info: DomainInfo) => Promise<void>,
): Promise<DomainInfo> {
  const found = await host.find(ref, signal);
  using _job = await host.jobs.take(found.uuid, found.name, why, signal);
  // What was true before the wait may not be true any more (S09).
  const info = await host.find(found.uuid, signal);
  await work(info);
  return info;
}
