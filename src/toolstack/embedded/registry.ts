import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Domain } from '../../domain/model.js';
import { InvariantError, ToolstackError } from '../../errors/errors.js';
import { FileLock } from '../../posix/file-lock.js';
import type { GuestConfig } from '../toolstack.js';
import { readIfThere, replaceFile } from './atomic-file.js';
import { monotonicMs } from './clock.js';
import { writeConfig } from './domain-config.js';
import { readRecord, writeRecord, type DomainRecord } from './domain-record.js';
import type { HostFolder } from './host-folder.js';
import { readHostSettings } from './host-settings.js';
import { type LockedDomain, takeLock, tryWithDomain, withDomain } from './locked-domain.js';
import { changeRunState } from './run-state.js';

/** DOMID_FIRST_RESERVED (xen/include/public/xen.h): numbers start again from 1 before it. */
const DOMID_END = 0x7ff0;
/** Folders of removed domains, until they are deleted. */
const GONE_PREFIX = 'gone-';

/** All domains of the host, those being made included, by number. Leftovers of dead processes are removed first. */
export function allDomains(host: HostFolder): DomainRecord[] {
  sweep(host);
  return readAll(host);
}

function readAll(host: HostFolder): DomainRecord[] {
  const domids = readdirSync(host.domains)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  return domids.map((domid) => readRecord(host.domain(domid))).filter((record) => record !== undefined);
}

/** Memory that the domains may use together, in KiB. */
export function memoryInUseKiB(records: readonly DomainRecord[]): number {
  return records.reduce((sum, record) => sum + record.maxMemoryKiB, 0);
}

/**
 * A domain that is being made. Its maker finishes or discards it; if it dies, the next process that lists domains
 * discards it.
 */
export class Reservation {
  readonly domid: number;
  readonly folder: string;
  readonly #host: HostFolder;
  readonly #lock: FileLock;

  constructor(host: HostFolder, domid: number, lock: FileLock) {
    this.#host = host;
    this.domid = domid;
    this.folder = host.domain(domid);
    this.#lock = lock;
  }

  /** The domain is complete: it becomes a paused one. */
  async finish(): Promise<void> {
    await withDomain(this.#host, this.domid, undefined, (domain) => {
      domain.transition({ built: true }, { event: 'create', why: 'create' });
    });
    this.#lock.release();
  }

  /** Removes the domain. */
  discard(): void {
    deleteFolder(this.#host, this.domid);
    this.#lock.release();
  }
}

/**
 * Reserves name, UUID, memory and id of a new domain, all or nothing.
 * @throws ToolstackError E_TOOLSTACK_NAME_TAKEN, E_TOOLSTACK_UUID_TAKEN, E_TOOLSTACK_NO_MEMORY
 */
export async function reserve(host: HostFolder, config: GuestConfig, signal?: AbortSignal): Promise<Reservation> {
  using _lock = await takeLock(host.hostLock, 'making a domain', signal);
  const { domain } = config;
  const records = allDomains(host);
  checkFree(domain, records);
  const { totalMemoryKiB, dom0MemoryKiB = 0 } = readHostSettings(host);
  checkMemory(domain, totalMemoryKiB - dom0MemoryKiB - memoryInUseKiB(records));

  const domid = nextDomid(host, records);
  const build = FileLock.tryTake(host.buildLock(domid), domain.name);
  if (build === undefined) throw new InvariantError(`domain number ${domid} is free, but another process is making it`);
  try {
    const folder = host.domain(domid);
    mkdirSync(folder, { mode: 0o700 });
    writeConfig(folder, config);
    // Last: from here on the domain exists.
    writeRecord(folder, newRecord(domid, domain));
    return new Reservation(host, domid, build);
  } catch (error) {
    deleteFolder(host, domid);
    build.release();
    throw error;
  }
}

function newRecord(domid: number, domain: Domain): DomainRecord {
  return {
    format: 1,
    domid,
    uuid: domain.uuid,
    name: domain.name,
    type: domain.type,
    vcpus: domain.vcpusCurrent,
    memoryKiB: domain.memoryCurrentKiB,
    maxMemoryKiB: domain.memoryMaxKiB,
    bornMs: monotonicMs(),
    built: false,
    paused: true,
    shutdown: null,
    dying: false,
    logDirty: false,
    asked: null,
    running: null,
    ranMs: 0,
    last: null,
  };
}

function checkFree(domain: Domain, records: readonly DomainRecord[]): void {
  const byName = records.find((record) => record.name === domain.name);
  const byUuid = records.find((record) => record.uuid === domain.uuid);
  if (byUuid !== undefined) {
    throw new ToolstackError(
      'E_TOOLSTACK_UUID_TAKEN',
      `domain ${byUuid.domid} (${byUuid.name}) has UUID ${domain.uuid} already`,
      { hint: 'It may be the same guest: check it before removing it.', data: { domid: byUuid.domid } },
    );
  }
  if (byName !== undefined) throw nameTaken(byName);
}

function nameTaken(by: DomainRecord): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_NAME_TAKEN', `domain ${by.domid} is named ${by.name} already`, {
    hint: 'Choose another name.',
    data: { domid: by.domid, uuid: by.uuid },
  });
}

function checkMemory(domain: Domain, freeKiB: number): void {
  if (domain.memoryMaxKiB > freeKiB) throw noMemory(domain, freeKiB);
}

/** The error for a host without enough memory. */
export function noMemory(domain: Domain, freeKiB: number): ToolstackError {
  return new ToolstackError(
    'E_TOOLSTACK_NO_MEMORY',
    `domain ${domain.name} needs ${domain.memoryMaxKiB} KiB of memory; the host has ${freeKiB} KiB free`,
    { hint: 'Stop or move a domain, or choose another host.', data: { neededKiB: domain.memoryMaxKiB, freeKiB } },
  );
}

function nextDomid(host: HostFolder, records: readonly DomainRecord[]): number {
  const used = new Set(records.map((record) => record.domid));
  let domid = Number(readIfThere(host.file('next-domid')) ?? '1');
  for (let tried = 1; tried < DOMID_END; tried += 1) {
    if (!(Number.isInteger(domid) && domid > 0 && domid < DOMID_END)) domid = 1;
    if (!used.has(domid)) {
      replaceFile(host.file('next-domid'), String(domid + 1));
      return domid;
    }
    domid += 1;
  }
  // Its memory ends long before its numbers do.
  throw new InvariantError('every domain number of the embedded host is in use');
}

/** Checks that a name is free. @throws ToolstackError E_TOOLSTACK_NAME_TAKEN */
export function checkNameFree(host: HostFolder, domid: number, name: string): void {
  const other = readAll(host).find((record) => record.name === name && record.domid !== domid);
  if (other !== undefined) throw nameTaken(other);
}

/** Stops the domain, records its end, and removes it. The caller holds its lock. */
export function removeDomain(domain: LockedDomain): void {
  if (!domain.record.dying) changeRunState(domain, { dying: true }, 'destroy');
  if (domain.record.last?.event !== 'destroy') domain.transition({}, { event: 'destroy', why: 'destroy' });
  deleteFolder(domain.host, domain.record.domid);
}

function deleteFolder(host: HostFolder, domid: number): void {
  const gone = join(host.domains, `${GONE_PREFIX}${domid}-${randomUUID()}`);
  try {
    renameSync(host.domain(domid), gone); // one step: no process sees a partial domain
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  // Another process may still write into the folder: since Node.js 23 rmSync fails then instead of looking again.
  rmSync(gone, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
}

/** Removes domains whose maker or remover died, and the rest of their folders. */
function sweep(host: HostFolder): void {
  for (const record of readAll(host)) {
    if (!record.built) sweepUnbuilt(host, record.domid);
    else if (record.dying) tryWithDomain(host, record.domid, removeDomain);
  }
  for (const name of readdirSync(host.domains)) {
    if (name.startsWith(GONE_PREFIX)) rmSync(join(host.domains, name), { recursive: true, force: true });
  }
}

function sweepUnbuilt(host: HostFolder, domid: number): void {
  using lock = FileLock.tryTake(host.buildLock(domid), 'removing the rest of it');
  if (lock === undefined) return; // its maker is working
  if (readRecord(host.domain(domid))?.built === false) deleteFolder(host, domid);
}
