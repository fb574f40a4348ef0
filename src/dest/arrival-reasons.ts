import { AbortedError, StreamError, TunnelError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import { DEST_FINAL, type DestState } from '../handover/dest-side.js';

/** The reason for an arrival's end without another reason. */
export const stoppedError = (): AbortedError =>
  new AbortedError('the destination was stopped before the guest had arrived');

/** What the end of the connection means for an arrival. */
export function lostError(cause: Error | undefined): TunnelError {
  const text = 'the connection to the source was lost before the guest had arrived';
  return new TunnelError('E_TUNNEL_LOST', text, { cause });
}

/** Why the machine refuses without a reason from an event: the digests differ, or the process was stopped. */
export function whyRefused({ restored, finish }: DestState): Error {
  if (restored === undefined || finish === undefined || restored === finish) return stoppedError();
  return new StreamError(
    'E_STREAM_DIGEST',
    `the stream arrived changed: its digest is ${restored} here and ${finish} at the source`,
    { hint: 'Nothing was lost: try again, and report this if it happens twice.' },
  );
}

/** For the log: how an arrival ended, or why its journal stays open. */
export function summaryOf({ phase }: DestState, error: Error | undefined, stuck: string | undefined): string {
  const detail = error === undefined ? '' : `: ${messageOf(error)}`;
  const ended = `${phase === 'activated' ? 'arrived' : 'refused'}${detail}`;
  return DEST_FINAL.has(phase) ? ended : (stuck ?? ended);
}
