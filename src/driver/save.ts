import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatDomainXml } from '../domain/format.js';
import { Deadline } from '../errors/deadline.js';
import { RefusedError, ToolstackError, XenferryError } from '../errors/errors.js';
import { asError, codeOf, messageOf } from '../errors/message-of.js';
import { OwnedFd } from '../posix/owned-fd.js';
import { encodeXlHead } from '../savefile/xl-header.js';
import type { DomainInfo, TransferEvent } from '../toolstack/toolstack.js';
import type { Host } from './host.js';
import type { Job } from './jobs/job.js';

export interface SaveRequest {
  readonly domain: string;
  readonly file: string;
  /** Leave the domain running once it is saved (xl save -c). */
  readonly checkpoint: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/**
 * Saves a running domain to a file that `xenferry restore` and, on Xen, `xl restore` read. The file
 * appears under its name only when it is whole and on the disk; only then does the domain end.
 * On any failure the domain runs on and no file is left.
 */
export async function save(host: Host, request: SaveRequest): Promise<DomainInfo> {
  const found = await host.find(request.domain, request.signal);
  using job = await host.jobs.take(found.uuid, found.name, `saving to ${request.file}`, request.signal, {
    operation: 'save',
  });
  return await job.during(() => saveHeld(host, request, found, job));
}

async function saveHeld(host: Host, request: SaveRequest, found: DomainInfo, job: Job): Promise<DomainInfo> {
  const signal = AbortSignal.any([request.signal, job.cancel]);
  const onEvent = (event: TransferEvent): void => {
    job.note(event);
    request.onEvent(event);
  };
  const info = await host.find(found.uuid, signal);
  if (info.state !== 'running') {
    throw new RefusedError(
      'E_REFUSED_STATE',
      `domain ${info.name} has to be running to be saved; it is ${info.state}`,
      {
        hint: `Run \`xenferry resume ${info.name}\` first.`,
      },
    );
  }
  const config = await host.toolstack.describe(info.domid, signal);
  const part = `${request.file}.part`;
  const fd = openPart(part, request.file);
  try {
    writeSync(fd.fd, encodeXlHead(config.native ?? { format: 'domain-xml', text: formatDomainXml(config.domain) }));
    await host.toolstack.save(info.domid, fd, { live: false, signal, onEvent });
    job.refuseAbort('the file is whole');
    syncAndRename(part, request.file);
  } catch (error) {
    fd.close();
    rmSync(part, { force: true });
    await bringBack(host, info, asError(error));
    throw new ToolstackError(codeOf(error), `saving ${info.name} failed: ${messageOf(error)}; the guest runs on`, {
      cause: error,
      hint: error instanceof XenferryError ? error.hint : 'Nothing was kept of the file; try again.',
    });
  }
  if (request.checkpoint) await host.toolstack.resume(info.domid);
  else await host.toolstack.destroy(info.domid);
  return info;
}

function openPart(part: string, file: string): OwnedFd {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    return new OwnedFd(openSync(part, flags, 0o600), part);
  } catch (error) {
    throw new RefusedError('E_REFUSED_FILE', `cannot write ${file}`, {
      cause: error,
      hint: `Another save may be writing there; remove ${part} if none is.`,
    });
  }
}

function syncAndRename(part: string, file: string): void {
  for (const path of [part, dirname(file)]) {
    if (path !== part) renameSync(part, file);
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

/** Lets the guest run on where the failed save had suspended it. */
async function bringBack(host: Host, info: DomainInfo, cause: Error): Promise<void> {
  using deadline = new Deadline(
    new AbortController().signal,
    host.deadlines.callMs,
    'E_DEADLINE_TOOLSTACK',
    'resuming',
  );
  try {
    const now = await host.toolstack.info(info.domid, deadline.signal);
    if (now?.uuid === info.uuid && now.state === 'shutdown' && now.shutdownReason === 'suspend') {
      await host.toolstack.resume(info.domid, deadline.signal);
    }
  } catch (error) {
    throw new ToolstackError(
      'E_TOOLSTACK_RESUME',
      `saving ${info.name} failed: ${messageOf(cause)}; the guest is suspended and could not be resumed: ${messageOf(error)}`,
      { cause, hint: `Run \`xenferry resume ${info.name}\`.` },
    );
  }
}
