import { carriedCode } from '../../errors/codes.js';
import { Deadline } from '../../errors/deadline.js';
import { RefusedError, ToolstackError, XenferryError } from '../../errors/errors.js';
import { asError, codeOf, messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import { openOutput } from '../../posix/output/open-output.js';
import type { Output } from '../../posix/output/output.js';
import { encodeXlHead } from '../../savefile/xl-header.js';
import { savedConfig } from './saved-config.js';
import type { DomainInfo, TransferEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { refuseWhileArriving } from '../running/open-migration.js';
import { stateText, wakeHint } from '../running/state-text.js';
import { endDomain } from '../running/stop-domain.js';
import { correctNote } from '../running/note-run.js';
import { recordingInJob, withRunning, type JobContext } from '../running/with-domain.js';

/** Options of `save`. */
export interface SaveRequest {
  readonly domain: string;
  readonly file: string;
  /** Leave the domain running after the save (xl save -c). */
  readonly checkpoint: boolean;
  /** Let a paused domain run for as long as it takes to suspend itself; without this a paused domain is refused. */
  readonly unpause: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/**
 * Saves a running domain to a file that `xenferry restore` and, on Xen, `xl restore` read. A plain file
 * appears under its name only when it is complete and durable; a pipe's reader has to have taken all bytes. Only then
 * does the domain end. On any failure the domain runs on and no plain file is left.
 * @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_ARRIVING`, `E_REFUSED_FILE`; ToolstackError
 */
export async function save(host: Host, request: SaveRequest): Promise<DomainInfo> {
  const { domain: ref, signal } = request;
  const doing = { ref, why: `saving to ${request.file}`, operation: 'save', signal } as const;
  return withRunning(host, doing, async (info, held) => {
    await saveDomain(host, info, held, request);
    if (request.checkpoint) await goOn(host, info);
    else await endDomain(host, info, 'saved');
    return info;
  });
}

/** After a checkpoint: the guest continues as it was. */
async function goOn(host: Host, info: DomainInfo): Promise<void> {
  if (info.state === 'paused') await host.toolstack.pause(info.domid);
  await host.toolstack.resume(info.domid);
}

/**
 * Writes the file and leaves the domain suspended. On any failure the domain is as it was. @throws RefusedError
 * `E_REFUSED_FILE`
 */
export async function saveDomain(
  host: Host,
  info: DomainInfo,
  held: JobContext,
  request: Pick<SaveRequest, 'file' | 'unpause' | 'onEvent'>,
): Promise<void> {
  const { signal } = held;
  if (info.state !== 'running' && !(info.state === 'paused' && request.unpause)) {
    throw new RefusedError(
      'E_REFUSED_STATE',
      `domain ${info.name} has to be running to be saved; it is ${stateText(info)}`,
      {
        hint:
          info.state === 'paused'
            ? `A guest suspends itself, so it has to run: save it with --unpause, or run \`${ownCommand('resume', info.name)}\` first.`
            : info.state === 'pmsuspended'
              ? wakeHint(info)
              : 'Look at the domain; an unfinished save or migration is settled by `xenferry recover`.',
      },
    );
  }
  refuseWhileArriving(host, info);
  correctNote(host, info);
  const config = await host.leases.withShared(await host.toolstack.describe(info.domid, signal), signal);
  await using output = await openOutput(request.file, signal);
  try {
    await output.write(encodeXlHead(savedConfig(config)), signal);
    if (info.state === 'paused') await host.toolstack.unpause(info.domid, signal);
    await host.toolstack.save(info.domid, output.stream(), {
      live: false,
      signal,
      onEvent: recordingInJob(held, request.onEvent),
    });
    await output.settled(signal);
    held.job.refuseAbort('the file is complete');
    output.keep();
  } catch (failed) {
    // The failure of the file is reported: the toolstack has only seen its end of a pipe break.
    const error = signal.aborted ? failed : (output.failure ?? failed);
    await bringBack(host, info, asError(error));
    const is = info.state === 'paused' ? 'is paused, as it was' : 'runs on';
    throw new ToolstackError(
      carriedCode(codeOf(error)),
      `saving ${info.name} failed: ${messageOf(error)}; the guest ${is}`,
      {
        cause: error,
        hint: error instanceof XenferryError && error.hint !== undefined ? error.hint : retryHint(request.file, output),
      },
    );
  }
}

function retryHint(file: string, output: Output): string {
  return output.isAtomic
    ? 'The file was removed; try again.'
    : `${file} received an incomplete save file: do not restore it; try again.`;
}

/** Resumes the guest if the failed save had suspended it. */
async function bringBack(host: Host, info: DomainInfo, cause: Error): Promise<void> {
  using deadline = new Deadline(
    new AbortController().signal,
    host.deadlines.callMs,
    'E_DEADLINE_TOOLSTACK',
    'resuming',
  );
  try {
    const now = await host.toolstack.info(info.domid, deadline.signal);
    if (now?.uuid === info.uuid && info.state === 'paused') await host.toolstack.pause(info.domid, deadline.signal);
    if (now?.uuid === info.uuid && now.state === 'shutdown' && now.shutdownReason === 'suspend') {
      await host.toolstack.resume(info.domid, deadline.signal);
    }
  } catch (error) {
    throw new ToolstackError(
      'E_TOOLSTACK_RESUME',
      `saving ${info.name} failed: ${messageOf(cause)}; the guest is suspended and could not be resumed: ${messageOf(error)}`,
      { cause, hint: `Run \`${ownCommand('resume', info.name)}\`.` },
    );
  }
}
