import { ToolstackError } from '../../errors/errors.js';
import type { Domid } from '../../toolstack/domid.js';
import type { DomainInfo, TransferEvent, TransferOptions } from '../../toolstack/toolstack.js';
import { isOlderXen } from '../../toolstack/xen-release.js';
import type { Host } from '../../host/host.js';
import { refuseManagedSave, startDomain } from '../running/start-domain.js';
import { recordingInJob, underJob, type JobContext } from '../running/with-domain.js';
import { openSaveFile, type SaveFile } from './save-file.js';
import { unseenFields } from './saved-config.js';

/** Options of `restore`. */
export interface RestoreRequest {
  readonly file: string;
  /** Domain XML that replaces the one in the file, or that a bare libxl stream lacks. */
  readonly xml?: string | undefined;
  readonly paused: boolean;
  /** Take its disks' leases from their present holders. */
  readonly forceLease?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/**
 * Creates a domain from a save file, or from a bare libxl stream with `xml`. The file is not changed.
 * @throws RefusedError `E_REFUSED_NATIVE_FIELDS`; as `openSaveFile` and `startDomain`
 */
export async function restore(host: Host, request: RestoreRequest): Promise<DomainInfo> {
  await using file = await openSaveFile(request.file, request.signal, request.xml);
  const { domain } = file.config;
  for (const { path, why } of unseenFields(file.config)) {
    host.log(
      `${domain.name}: hooks and checks do not see ${path} in ${request.file} (${why}); --xml restores without it`,
    );
  }
  const doing = { why: `restoring from ${request.file}`, operation: 'restore', signal: request.signal } as const;
  return await underJob(host, domain, doing, (held) => {
    refuseManagedSave(host, domain.uuid, domain.name);
    return restoreDomain(host, file, held, request);
  });
}

/** Options of the start from a file. */
export interface RestorePlan extends Pick<RestoreRequest, 'paused' | 'forceLease' | 'onEvent'> {
  /** Called when the domain exists and has not run yet. */
  readonly beforeRun?: () => void;
}

/** Restores a domain from an open file, under the domain's job. */
export async function restoreDomain(
  host: Host,
  file: SaveFile,
  held: JobContext,
  plan: RestorePlan,
): Promise<DomainInfo> {
  const { signal } = held;
  return startDomain(host, {
    config: file.config,
    how: 'restored',
    paused: plan.paused,
    forceLease: plan.forceLease,
    make: () => makeFrom(host, file, { signal, onEvent: recordingInJob(held, plan.onEvent) }),
    beforeRun: () => {
      held.job.refuseAbort('the domain has been restored');
      plan.beforeRun?.();
    },
    signal,
  });
}

async function makeFrom(host: Host, file: SaveFile, options: TransferOptions): Promise<Domid> {
  const { signal } = options;
  const { streamVersions, xen } = await host.toolstack.host(signal);
  const older = olderXen(xen, file);
  if (older !== undefined) host.log(`${file.config.domain.name}: ${older}`);
  const streamVersion = Math.max(...streamVersions);
  let domid: Domid;
  try {
    domid = await host.toolstack.restore(file.config, file.stream(), { streamVersion, ...options });
  } catch (error) {
    // The toolstack has only seen the stream end.
    if (signal.aborted) throw error;
    throw file.failure ?? withOrigin(error, older);
  }
  try {
    await file.checked(signal);
  } catch (error) {
    await host.toolstack.destroy(domid);
    throw error;
  }
  return domid;
}

/** What the file's own header says against this host; undefined: nothing. */
function olderXen(here: string | undefined, { origin }: SaveFile): string | undefined {
  if (origin === undefined || !isOlderXen(here, origin.xen)) return undefined;
  return `it was saved on Xen ${origin.xen}, and this host has Xen ${here}: Xen restores guests of the same or an older release only`;
}

/** Xen's own words about a newer guest name a record and a length. */
function withOrigin(error: unknown, older: string | undefined): unknown {
  if (older === undefined || !(error instanceof ToolstackError)) return error;
  return new ToolstackError(error.code, `${error.message}; ${older}`, {
    cause: error,
    hint: `Restore it on a host with that release or a newer one. ${error.hint ?? ''}`.trim(),
    data: error.data,
  });
}
