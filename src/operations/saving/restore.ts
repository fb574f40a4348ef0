import { openSync, readSync } from 'node:fs';
import { parseDomainXml } from '../../domain/parse.js';
import { RefusedError, StreamError } from '../../errors/errors.js';
import { OwnedFd } from '../../posix/owned-fd.js';
import { decodeXlConfig, decodeXlHeader, XL_HEADER_BYTES } from '../../savefile/xl-header.js';
import type { DomainInfo, GuestConfig, TransferEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { refuseManagedSave, startDomain } from '../running/start-domain.js';
import { noting, underJob, type Held } from '../running/with-domain.js';
import { guestConfigOf } from './saved-config.js';

export interface RestoreRequest {
  readonly file: string;
  /** Domain XML that replaces the one in the file, or that a bare libxl stream has not got. */
  readonly xml?: string | undefined;
  readonly paused: boolean;
  /** Take its disks' leases from whoever has them. */
  readonly forceLease?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/** A libxl stream begins with these eight bytes (libxl-migration-stream, "Header"). */
const LIBXL_IDENT = Buffer.from('LibxlFmt', 'latin1');

/**
 * Makes a domain from a save file, or from a bare libxl stream with `xml`. The file stays as it is.
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_NO_CONFIG` and as `startDomain`
 */
export async function restore(host: Host, request: RestoreRequest): Promise<DomainInfo> {
  using file = openSaveFile(request.file, request.xml);
  const { domain } = file.config;
  const doing = { why: `restoring from ${request.file}`, operation: 'restore', signal: request.signal } as const;
  return await underJob(host, domain, doing, (held) => {
    refuseManagedSave(host, domain.uuid, domain.name);
    return restoreDomain(host, file, held, request);
  });
}

/** What is asked of the start from a file. */
export interface RestorePlan extends Pick<RestoreRequest, 'paused' | 'forceLease' | 'onEvent'> {
  /** The domain is there and has not run yet; behind this it may. */
  readonly beforeRun?: () => void;
}

/** The same from an open file, under the domain's job. Takes the file's descriptor over. */
export async function restoreDomain(
  host: Host,
  { config, fd }: SaveFile,
  held: Held,
  plan: RestorePlan,
): Promise<DomainInfo> {
  const { signal } = held;
  return startDomain(host, {
    config,
    how: 'restored',
    paused: plan.paused,
    forceLease: plan.forceLease,
    make: async () => {
      const { streamVersions } = await host.toolstack.host(signal);
      const streamVersion = Math.max(...streamVersions);
      const onEvent = noting(held, plan.onEvent);
      return host.toolstack.restore(config, fd, { streamVersion, signal, onEvent });
    },
    beforeRun: () => {
      held.job.refuseAbort('the domain has been restored');
      plan.beforeRun?.();
    },
    signal,
  });
}

/** An open save file: its configuration is read, and the stream is next. */
export interface SaveFile extends Disposable {
  readonly config: GuestConfig;
  readonly fd: OwnedFd;
}

/**
 * Opens a save file. Disposing it closes the descriptor, unless a restore has taken that.
 * @param xml domain XML that replaces the one in the file, or that a bare libxl stream has not got
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_NO_CONFIG`; StreamError `E_STREAM_SAVE_FILE`
 */
export function openSaveFile(path: string, xml?: string): SaveFile {
  const fd = openFile(path);
  try {
    const config = configOf(fd, path, xml);
    return { config, fd, [Symbol.dispose]: () => fd.close() };
  } catch (error) {
    fd.close();
    throw error;
  }
}

function openFile(path: string): OwnedFd {
  try {
    return new OwnedFd(openSync(path, 'r'), path);
  } catch (error) {
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${path}`, {
      cause: error,
      hint: 'Name a save file that you may read.',
    });
  }
}

/** Looks without moving the file's offset: whoever inherits the descriptor reads on from there. */
function isBareStream(fd: OwnedFd): boolean {
  const ident = Buffer.alloc(LIBXL_IDENT.length);
  return readSync(fd.fd, ident, 0, ident.length, 0) === ident.length && ident.equals(LIBXL_IDENT);
}

function configOf(fd: OwnedFd, path: string, xml: string | undefined): GuestConfig {
  if (isBareStream(fd)) {
    if (xml === undefined) {
      throw new RefusedError('E_REFUSED_NO_CONFIG', `${path} is a bare libxl stream: it has no configuration`, {
        hint: 'Give the domain XML with --xml FILE.',
      });
    }
    return { domain: parseDomainXml(xml) };
  }
  const { format, optionalBytes } = decodeXlHeader(readExactly(fd, XL_HEADER_BYTES));
  const saved = decodeXlConfig(format, readExactly(fd, optionalBytes));
  if (xml !== undefined) return { domain: parseDomainXml(xml) };
  return guestConfigOf(saved);
}

function readExactly(fd: OwnedFd, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let got = 0;
  while (got < bytes) {
    const count = readSync(fd.fd, buffer, got, bytes - got, null);
    if (count === 0)
      throw new StreamError('E_STREAM_SAVE_FILE', `the file ends after ${got} of ${bytes} bytes of its head`);
    got += count;
  }
  return buffer;
}
