import { bakeCookie } from '../cookie/cookie.js';
import type { Deadlines } from '../control/deadlines.js';
import { formatDomainXml } from '../domain/format.js';
import type { Domain } from '../domain/model.js';
import { checkMovable } from '../domain/movable.js';
import { Deadline } from '../errors/deadline.js';
import { RefusedError } from '../errors/errors.js';
import type { Host } from '../host/host.js';
import type { KnownDomain } from '../host/registry/known-domain.js';
import type { JournalHeader } from '../journal/records.js';
import { correctNote } from '../operations/running/note-run.js';
import { refuseHalfArrived, refuseWhileArriving } from '../operations/running/open-migration.js';
import { wakeHint } from '../operations/running/state-text.js';
import type { DeparturePlan } from '../source/departure.js';
import type { Need } from '../source/destination-session.js';
import type { DomainInfo } from '../toolstack/toolstack.js';
import type { MigrateRequest } from './migrate-request.js';
import { configFromXml, definitionToKeep, withSeenFeatures } from './migration-xml.js';

/** Raw bytes that may be sent without acknowledgement. */
export const WINDOW_BYTES = 32 * 1024 * 1024;

/** A departure as it is to be carried out, and what its result is to mention. */
export interface MigrationPlan {
  /** The domain as the toolstack reports it, under its job. */
  readonly info: DomainInfo;
  /** What it runs as. */
  readonly live: Domain;
  readonly undefineSource: JournalHeader['undefineSource'];
  readonly departure: DeparturePlan;
  readonly warnings: readonly string[];
}

/**
 * Looks at the domain, whose job the caller holds, and at what is asked, and refuses what cannot be done. Nothing is changed yet, and a
 * toolstack that hangs must not hold the job for ever.
 * @throws RefusedError; UsageError; DeadlineError `E_DEADLINE_TOOLSTACK`
 */
export async function planMigration(
  host: Host,
  request: MigrateRequest,
  found: Pick<DomainInfo, 'uuid' | 'name'>,
  { callMs }: Deadlines,
  cancel: AbortSignal,
): Promise<MigrationPlan> {
  using looking = new Deadline(cancel, callMs, 'E_DEADLINE_TOOLSTACK', `the state of ${found.name}`);
  const { signal } = looking;
  // The state before the wait for the job may be outdated (S09).
  const info = await host.find(found.uuid, signal);
  refuseWhileArriving(host, info);
  refuseHalfArrived(host, info);
  refuseUnlessUp(info);
  correctNote(host, info);
  // From here on it is the toolstack that takes its time, and the far host that would.
  request.ahead?.(cancel);
  const live = await host.leases.withShared(await host.toolstack.describe(info.domid, signal), signal);
  checkMovable(live.domain);
  const given = request.xml === undefined ? { config: live, warnings: [] } : configFromXml(live, request.xml);
  const { config } = given;
  const known = await host.findKnown(info.uuid, signal);
  const persist =
    request.persistent === true
      ? definitionToKeep(live.domain, known.stored?.domain, request.persistentXml)
      : undefined;
  const local = await host.toolstack.host(signal);
  const cookie = bakeCookie({
    name: info.name,
    uuid: info.uuid,
    hostname: local.hostname,
    streamVersion: Math.max(...local.streamVersions),
  });
  return {
    info,
    live: live.domain,
    undefineSource: undefineWhen(request, known),
    warnings: [...given.warnings, ...(persist?.warnings ?? [])],
    departure: {
      live: request.live,
      run: info.state === 'running' && !request.suspend,
      lanes: request.lanes,
      windowBytes: WINDOW_BYTES,
      bandwidthBytesPerSecond: request.bandwidthMiBps === undefined ? undefined : request.bandwidthMiBps * 1024 * 1024,
      compression: request.compression ?? 'auto',
      withoutWasm: request.withoutWasm,
      prepare: {
        xml: formatDomainXml(withSeenFeatures(config.domain, live.domain, local)),
        ...(config.native === undefined ? {} : { native: config.native }),
        cookie: Buffer.from(cookie).toString('base64'),
        ...(request.dname === undefined ? {} : { dname: request.dname }),
        ...(persist === undefined ? {} : { persist: { xml: persist.xml } }),
        ...(request.unsafe === true ? { unsafe: true } : {}),
        ...(local.xen === undefined ? {} : { xen: local.xen }),
      },
      needs: needsOf(host, info.uuid, request),
    },
  };
}

function refuseUnlessUp(info: DomainInfo): void {
  if (info.state === 'running' || info.state === 'paused') return;
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
