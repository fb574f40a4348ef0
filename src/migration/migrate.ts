import { randomUUID } from 'node:crypto';
import type { Compression } from '../codec/agreement.js';
import type { Deadlines } from '../control/deadlines.js';
import { bakeCookie } from '../cookie/cookie.js';
import { formatDomainXml } from '../domain/format.js';
import { checkMovable } from '../domain/movable.js';
import { checkDomainName } from '../domain/names.js';
import { Deadline } from '../errors/deadline.js';
import { RefusedError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { ownCommand } from '../errors/shell-words.js';
import { Departure, type DepartureContext } from '../source/departure.js';
import type { Need } from '../source/destination-session.js';
import type { Connect } from '../source/destination.js';
import type { DepartureReport, ProgressEvent } from '../source/report.js';
import type { JournalHeader } from '../journal/records.js';
import type { DomainInfo } from '../toolstack/toolstack.js';
import type { Host } from '../host/host.js';
import type { Job } from '../host/jobs/job.js';
import { afterDeparture } from '../operations/running/departed.js';
import { refuseHalfArrived, refuseWhileArriving } from '../operations/running/open-migration.js';
import { correctNote } from '../operations/running/note-run.js';
import { wakeHint } from '../operations/running/state-text.js';
import { settleArrival } from '../operations/running/settle-arrival.js';
import { MigrationError, placeInWords } from './migration-error.js';
import { CopyWatch, type CopyTimeout } from './migration-timeout.js';
import { configFromXml, definitionToKeep } from './migration-xml.js';
import type { KnownDomain } from '../host/registry/known-domain.js';

/** Raw bytes that may be sent without acknowledgement. */
export const WINDOW_BYTES = 32 * 1024 * 1024;

/** What to migrate, where to, and how. */
export interface MigrateRequest {
  /** Name, UUID or id. */
  readonly domain: string;
  /** For messages and the journal. */
  readonly destination: string;
  readonly connect: Connect;
  /** Lets the destination be dialled before `connect` is called; see `OpenDestination`. */
  readonly ahead?: ((signal: AbortSignal) => void) | undefined;
  readonly live: boolean;
  /** Leave the guest paused at the destination (`--suspend`). */
  readonly suspend: boolean;
  readonly dname?: string | undefined;
  /** Let the destination store a definition of the guest (`--persistent`). */
  readonly persistent?: boolean | undefined;
  /** Domain XML for that definition, instead of the one stored here. */
  readonly persistentXml?: string | undefined;
  /** Remove the definition here, once the destination has recorded the guest's arrival. */
  readonly undefineSource?: boolean | undefined;
  /** Domain XML for the destination, instead of the running configuration; the guest must not observe a difference. */
  readonly xml?: string | undefined;
  /** Override those of the destination's checks that allow it. */
  readonly unsafe?: boolean | undefined;
  /** Longest time of live copying. */
  readonly timeout?: CopyTimeout | undefined;
  readonly lanes: number;
  readonly bandwidthMiBps?: number | undefined;
  /** Default: auto. */
  readonly compression?: Compression | undefined;
  /** Default: the host's own. */
  readonly deadlines?: Deadlines | undefined;
  readonly cancel: AbortSignal;
  readonly abandon: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
}

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
  // Nothing is changed yet, and a toolstack that hangs must not hold the job for ever.
  using looking = new Deadline(cancel, deadlines.callMs, 'E_DEADLINE_TOOLSTACK', `the state of ${found.name}`);
  // The state before the wait for the job may be outdated (S09).
  const info = await host.find(found.uuid, looking.signal);
  refuseWhileArriving(host, info);
  refuseHalfArrived(host, info);
  if (info.state !== 'running' && info.state !== 'paused') {
    throw new RefusedError(
      'E_REFUSED_STATE',
      `domain ${info.name} is ${info.shutdownReason ?? info.state}: only a running or paused domain can migrate`,
      {
        hint:
          info.state === 'pmsuspended'
            ? wakeHint(info)
            : info.shutdownReason === 'suspend'
              ? 'It was left suspended by an unfinished save or migration: run `xenferry recover`, or `xenferry resume` if no migration is open.'
              : 'Start it first.',
      },
    );
  }
  correctNote(host, info);
  // From here on it is the toolstack that takes its time, and the far host that would.
  request.ahead?.(cancel);
  const live = await host.leases.withShared(await host.toolstack.describe(info.domid, looking.signal), looking.signal);
  checkMovable(live.domain);
  const given = request.xml === undefined ? { config: live, warnings: [] } : configFromXml(live, request.xml);
  const { config } = given;
  const known = await host.findKnown(info.uuid, looking.signal);
  const persist =
    request.persistent === true
      ? definitionToKeep(live.domain, known.stored?.domain, request.persistentXml)
      : undefined;
  const undefineSource = undefineWhen(request, known);
  const local = await host.toolstack.host(looking.signal);
  looking[Symbol.dispose]();
  const cookie = bakeCookie({
    name: info.name,
    uuid: info.uuid,
    hostname: local.hostname,
    streamVersion: Math.max(...local.streamVersions),
  });
  await using watch =
    request.timeout === undefined
      ? undefined
      : new CopyWatch(host.toolstack, info.domid, request.timeout, (text) => onProgress({ type: 'notice', text }));
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
  const { uuid, name, domid } = info;
  const migration = randomUUID();
  await host.leases.migrating.offer(uuid, migration, cancel);
  const report = await Departure.run(
    context,
    {
      migration,
      uuid,
      name,
      domid,
      peer: request.destination,
      ...(undefineSource === undefined ? {} : { undefineSource }),
    },
    {
      live: request.live,
      run: info.state === 'running' && !request.suspend,
      lanes: request.lanes,
      windowBytes: WINDOW_BYTES,
      bandwidthBytesPerSecond: request.bandwidthMiBps === undefined ? undefined : request.bandwidthMiBps * 1024 * 1024,
      compression: request.compression ?? 'auto',
      prepare: {
        xml: formatDomainXml(config.domain),
        ...(config.native === undefined ? {} : { native: config.native }),
        cookie: Buffer.from(cookie).toString('base64'),
        ...(request.dname === undefined ? {} : { dname: request.dname }),
        ...(persist === undefined ? {} : { persist: { xml: persist.xml } }),
        ...(request.unsafe === true ? { unsafe: true } : {}),
      },
      needs: needsOf(host, uuid, request),
    },
  );
  await watch?.[Symbol.asyncDispose]();
  const leaver = { uuid, name, domid, domain: live.domain, undefineSource };
  const warnings = await afterDeparture(host, leaver, report);
  host.pruneJournals();
  if (report.place === 'destination') {
    const told = [...given.warnings, ...(persist?.warnings ?? []), ...report.warnings, ...warnings];
    return { ...report, warnings: told, domain: info.name };
  }
  throw migrationError(info.name, request.destination, report);
}

function needsOf(host: Host, uuid: string, request: MigrateRequest): Need[] {
  const needs: Need[] = [];
  if (request.persistent === true) {
    needs.push({
      feature: 'persist-dest',
      hint: 'Leave --persistent out, or upgrade the destination to a release that supports it.',
    });
  }
  const leases = request.unsafe === true ? undefined : host.leases.needOf(uuid);
  if (leases !== undefined) {
    needs.push({
      feature: leases,
      hint: 'Its disks have leases in `lease_dir`: let the destination use the same folder, or add --unsafe to migrate the guest without them.',
    });
  }
  return needs;
}

/** When the definition here is removed: with `--persistent` only if the destination reports that it stores one. */
function undefineWhen(request: MigrateRequest, { stored }: KnownDomain): JournalHeader['undefineSource'] {
  if (request.undefineSource !== true || stored === undefined) return undefined;
  return request.persistent === true ? 'when-persistent' : 'always';
}

/** The error of a failed migration. */
export function migrationError(name: string, destination: string, report: DepartureReport): Error {
  const cause = report.error;
  // Nothing was changed: the refusal itself is reported.
  if (cause instanceof RefusedError && report.phase === 'prepare') return cause;
  const why = cause === undefined ? 'no error' : messageOf(cause);
  const extra = report.warnings.length === 0 ? '' : ` (${report.warnings.join('; ')})`;
  return new MigrationError(
    cause === undefined ? 'E_BUG' : codeOf(cause),
    `migrating ${name} to ${destination} failed in ${report.phase}: ${why}; ${placeInWords(report.place)}${extra}`,
    { guest: report.place, phase: report.phase, cancelled: report.cancelled },
    { cause, hint: nextStep(name, report), data: cause instanceof XenferryError ? cause.data : {} },
  );
}

function nextStep(name: string, report: DepartureReport): string {
  const own = report.error instanceof XenferryError ? report.error.hint : undefined;
  switch (report.place) {
    case 'in-doubt':
      return own ?? 'Run `xenferry recover` when the destination can be reached again.';
    case 'source-suspended':
      return `Run \`xenferry recover\`, or \`${ownCommand('resume', name)}\`.`;
    case 'source-stopped':
      return own ?? 'Start it again on the host of your choice.';
    default:
      return own ?? 'Try again.';
  }
}
