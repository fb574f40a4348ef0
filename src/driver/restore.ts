import { openSync, readSync } from 'node:fs';
import { parseDomainXml } from '../domain/parse.js';
import { RefusedError, StreamError } from '../errors/errors.js';
import { OwnedFd } from '../posix/owned-fd.js';
import { decodeXlConfig, decodeXlHeader, XL_HEADER_BYTES } from '../savefile/xl-header.js';
import type { DomainInfo, GuestConfig, TransferEvent } from '../toolstack/toolstack.js';
import type { Host } from './host.js';
import { guestConfigOf } from './saved-config.js';

export interface RestoreRequest {
  readonly file: string;
  /** Domain XML that replaces the one in the file, or that a bare libxl stream has not got. */
  readonly xml?: string | undefined;
  readonly paused: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/** A libxl stream begins with these eight bytes (libxl-migration-stream, "Header"). */
const LIBXL_IDENT = Buffer.from('LibxlFmt', 'latin1');

/** Makes a domain from a save file, or from a bare libxl stream with `xml`. The file stays as it is. */
export async function restore(host: Host, request: RestoreRequest): Promise<DomainInfo> {
  const fd = openFile(request.file);
  let config: GuestConfig;
  try {
    config = configOf(fd, request);
  } catch (error) {
    fd.close();
    throw error;
  }
  const { domain } = config;
  try {
    using job = await host.jobs.take(domain.uuid, domain.name, `restoring from ${request.file}`, request.signal, {
      operation: 'restore',
    });
    const signal = AbortSignal.any([request.signal, job.cancel]);
    return await job.during(async () => {
      const { streamVersions } = await host.toolstack.host(signal);
      const domid = await host.toolstack.restore(config, fd, {
        streamVersion: Math.max(...streamVersions),
        signal,
        onEvent: (event) => {
          job.note(event);
          request.onEvent(event);
        },
      });
      job.refuseAbort('the domain has been restored');
      if (!request.paused) await host.toolstack.unpause(domid);
      return await host.find(domain.uuid);
    });
  } finally {
    fd.close();
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

function configOf(fd: OwnedFd, request: RestoreRequest): GuestConfig {
  if (isBareStream(fd)) {
    if (request.xml === undefined) {
      throw new RefusedError('E_REFUSED_NO_CONFIG', `${request.file} is a bare libxl stream: it has no configuration`, {
        hint: 'Give the domain XML with --xml FILE.',
      });
    }
    return { domain: parseDomainXml(request.xml) };
  }
  const { format, optionalBytes } = decodeXlHeader(readExactly(fd, XL_HEADER_BYTES));
  const saved = decodeXlConfig(format, readExactly(fd, optionalBytes));
  if (request.xml !== undefined) return { domain: parseDomainXml(request.xml) };
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
