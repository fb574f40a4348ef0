import { randomUUID } from 'node:crypto';
import type { Deadlines } from '../control/deadlines.js';
import { checkDomainName } from '../domain/names.js';
import { Deadline } from '../errors/deadline.js';
import type { Host } from '../host/host.js';
import type { Job } from '../host/jobs/job.js';
import { afterDeparture } from '../operations/running/departed.js';
import { settleArrival } from '../operations/running/settle-arrival.js';
import { Departure, type DepartureContext } from '../source/departure.js';
import type { DepartureReport, ProgressEvent } from '../source/report.js';
import type { DomainInfo } from '../toolstack/toolstack.js';
import { planMigration } from './migration-plan.js';
import { migrationError } from './failed-migration.js';
import type { MigrateRequest } from './migrate-request.js';
import { CopyWatch } from './migration-timeout.js';

export type { MigrateRequest } from './migrate-request.js';

/** Report of a successful migration. */
export interface Migrated extends DepartureReport {
  readonly domain: string;
}

/**
 * Moves a domain to another host. Resolves when the guest is at the destination.
 * @throws MigrationError stating where the guest is; RefusedError if nothing was changed
 */
export async function migrate(host: Host, request: MigrateRequest): Promise<Migrated> {
  request.onProgress({ type: 'phase', phase: 'begin' });
  if (request.dname !== undefined) checkDomainName(request.dname);
  const deadlines = request.deadlines ?? host.deadlines;
  const found = await lookFor(host, request.domain, deadlines, request.cancel);
  using job = await host.jobs.take(found.uuid, found.name, `migrating to ${request.destination}`, request.cancel, {
    operation: 'outgoing-migration',
    waitMs: deadlines.jobMs,
  });
  return await job.during(() => migrateHeld(host, request, deadlines, found, job));
}

async function lookFor(host: Host, domain: string, { callMs }: Deadlines, signal: AbortSignal): Promise<DomainInfo> {
  using looking = new Deadline(signal, callMs, 'E_DEADLINE_TOOLSTACK', `the look-up of ${domain}`);
  return await host.find(domain, looking.signal);
}

async function migrateHeld(
  host: Host,
  request: MigrateRequest,
  deadlines: Deadlines,
  found: DomainInfo,
  job: Job,
): Promise<Migrated> {
  const cancel = AbortSignal.any([request.cancel, job.cancel]);
  // The job is held meanwhile: it is visible and can be aborted, as during the migration.
  using _slot = await host.outgoing.take(found.name, cancel, (place, limit) => {
    const text = `${found.name} waits: ${limit} outgoing migrations are under way; its place in the queue is ${place}`;
    request.onProgress({ type: 'notice', text });
  });
  const onProgress = (event: ProgressEvent): void => {
    job.note(event);
    watch?.take(event);
    request.onProgress(event);
  };
  await settleArrival(host, found.uuid);
  const plan = await planMigration(host, request, found, deadlines, cancel);
  const { uuid, name, domid } = plan.info;
  await using watch =
    request.timeout === undefined
      ? undefined
      : new CopyWatch(host.toolstack, domid, request.timeout, (text) => onProgress({ type: 'notice', text }));
  const context: DepartureContext = {
    toolstack: host.toolstack,
    journal: host.journal,
    deadlines,
    connect: request.connect,
    cancel: watch === undefined ? cancel : AbortSignal.any([cancel, watch.cancel]),
    abandon: request.abandon,
    machine: host.handover.source,
    onProgress,
    beforeResume: (guest, failed) => host.leases.migrating.reclaim(guest, failed),
  };
  const { undefineSource } = plan;
  const subject = { migration: randomUUID(), uuid, name, domid, peer: request.destination };
  await host.leases.migrating.offer(uuid, subject.migration, cancel);
  const report = await Departure.run(
    context,
    { ...subject, ...(undefineSource === undefined ? {} : { undefineSource }) },
    plan.departure,
  );
  await watch?.[Symbol.asyncDispose]();
  const warnings = await afterDeparture(host, { uuid, name, domid, domain: plan.live, undefineSource }, report);
  host.pruneJournals();
  if (report.place !== 'destination') throw migrationError(name, request.destination, report);
  return { ...report, warnings: [...plan.warnings, ...report.warnings, ...warnings], domain: name };
}
