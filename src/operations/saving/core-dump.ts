import { existsSync } from 'node:fs';
import { RefusedError, UsageError } from '../../errors/errors.js';
import { plainFilePath } from '../../posix/output/output-plan.js';
import { writeInPrivate } from '../../posix/private-part.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { needAbility } from '../running/need-ability.js';
import { endDomain } from '../running/stop-domain.js';
import { withRunning } from '../running/with-domain.js';

/** Options of `dumpDomain`. */
export interface DumpRequest {
  /** A new file; it appears under its name when it is complete. */
  readonly file: string;
  /** Do not pause the guest meanwhile: its writes may then be in the file partly. */
  readonly live: boolean;
  /** Destroy the domain afterwards, as crashed. */
  readonly crash: boolean;
  /** Press its reset button afterwards: HVM guests only. */
  readonly reset: boolean;
  readonly signal: AbortSignal;
}

/**
 * Writes the memory of a domain to a file for a debugger. The guest continues as it was, unless `crash` or `reset` is
 * asked for.
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_UNSUPPORTED`; UsageError `E_USAGE_ARGUMENTS`; ToolstackError
 */
export async function dumpDomain(host: Host, ref: string, request: DumpRequest): Promise<DomainInfo> {
  const { file, live, crash, reset, signal } = request;
  if (crash && reset) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--crash and --reset exclude each other', { hint: 'Use one of them.' });
  }
  if (existsSync(file)) {
    throw new RefusedError('E_REFUSED_FILE', `${file} exists already`, { hint: 'Name a new file.' });
  }
  const path = plainFilePath(file);
  const doing = { ref, why: `dumping its memory to ${file}`, operation: 'dump', signal } as const;
  return withRunning(host, doing, async (info, held) => {
    await needAbility(host, 'core-dump', held.signal);
    if (reset) await mustHaveReset(host, info, held.signal);
    const pauses = !live && info.state === 'running';
    if (pauses) await host.toolstack.pause(info.domid, held.signal);
    try {
      await writeCore(host, info, path, held.signal);
    } finally {
      if (pauses) await host.toolstack.unpause(info.domid);
    }
    held.job.refuseAbort('the file is complete');
    if (crash) await endDomain(host, info, 'crashed');
    if (reset) await host.toolstack.reset(info.domid);
    return info;
  });
}

/** Checks for a reset button before anything is written. */
async function mustHaveReset(host: Host, { domid }: DomainInfo, signal: AbortSignal): Promise<void> {
  await needAbility(host, 'buttons', signal);
  const { domain } = await host.toolstack.describe(domid, signal);
  if (domain.type === 'hvm') return;
  throw new RefusedError('E_REFUSED_UNSUPPORTED', `${domain.name} is a ${domain.type} guest: it has no reset button`, {
    hint: 'Dump it without --reset, and `reboot` it.',
  });
}

/**
 * Writes a domain's memory to a new file, mode 0600, which appears under its name when it is complete. The caller holds
 * the job.
 */
export function writeCore(host: Host, info: DomainInfo, file: string, signal: AbortSignal): Promise<void> {
  return writeInPrivate(file, (part) => host.toolstack.dumpCore(info.domid, part, signal));
}
