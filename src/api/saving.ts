import { restore } from '../operations/saving/restore.js';
import { save } from '../operations/saving/save.js';
import type { TransferEvent } from '../toolstack/toolstack.js';
import { signalOf, type CallOptions, type DomainRef } from './options/calls.js';
import { runningDomain, type RunningDomain } from './options/running-domain.js';
import type { Host } from './options/host.js';
import { localHost } from './process/local-host.js';

export type { TransferEvent };

export interface SaveOptions extends CallOptions {
  /** Leave the domain running; default: false, it ends. */
  readonly checkpoint?: boolean | undefined;
  /** Let a paused domain run until it has suspended itself; default: false, one that is paused is refused. */
  readonly unpause?: boolean | undefined;
  readonly onEvent?: ((event: TransferEvent) => void) | undefined;
}

/** Writes a running domain to a file. The file is whole or it is not there; on failure the domain is as it was. @throws RefusedError */
export async function saveDomain(
  host: Host,
  domain: string,
  file: string,
  options: SaveOptions = {},
): Promise<DomainRef> {
  const { uuid, name } = await save(localHost(host), {
    domain,
    file,
    checkpoint: options.checkpoint === true,
    unpause: options.unpause === true,
    signal: signalOf(options),
    onEvent: options.onEvent ?? (() => undefined),
  });
  return { uuid, name };
}

export interface RestoreOptions extends CallOptions {
  /** Domain XML in place of the one in the file. */
  readonly xml?: string | undefined;
  /** Do not let it run yet; default: false. */
  readonly paused?: boolean | undefined;
  /** Take its disks' leases from a host that is dead for good; default: false. */
  readonly forceLease?: boolean | undefined;
  readonly onEvent?: ((event: TransferEvent) => void) | undefined;
}

/** Makes a domain from a save file. @throws RefusedError; StreamError for a damaged file */
export async function restoreDomain(host: Host, file: string, options: RestoreOptions = {}): Promise<RunningDomain> {
  const info = await restore(localHost(host), {
    file,
    xml: options.xml,
    paused: options.paused === true,
    forceLease: options.forceLease,
    signal: signalOf(options),
    onEvent: options.onEvent ?? (() => undefined),
  });
  return runningDomain(info);
}
