import { carriedCode } from '../errors/codes.js';
import { MAX_EPOCH_STEP, type Prepare, type Reply } from '../control/messages.js';
import { RefusedError } from '../errors/errors.js';
import { bounded } from '../errors/printable.js';
import type { Destination } from './destination.js';

type Prepared = Extract<Reply, { type: 'prepared' }>;

/**
 * Asks a destination to prepare. If it has seen a later attempt than ours, within bounds, asks again above it, once;
 * the accepted epoch is returned with the answer.
 * @throws RefusedError with the first problem's code and all messages; the error that ended the request
 */
export async function askPrepare(
  destination: Destination,
  request: Omit<Prepare, 'type'>,
  name: string,
  wait: { readonly signal: AbortSignal; readonly ms: number },
): Promise<Prepared & { readonly epoch: number }> {
  let { epoch } = request;
  for (let tries = 0; ; tries += 1) {
    const reply = await destination.requester.request(
      { type: 'prepare', ...request, epoch },
      ['prepared', 'refused'],
      wait,
    );
    if (reply.type === 'prepared') return { ...reply, epoch };
    const seen = reply.highestEpoch ?? 0;
    if (seen >= epoch && seen - epoch < MAX_EPOCH_STEP && tries === 0) {
      epoch = seen + 1;
      continue;
    }
    const all = bounded(reply.problems.map((one) => one.message).join('; '));
    throw new RefusedError(
      carriedCode(reply.problems[0].code),
      `${destination.hello.hostname} refused ${name}: ${all}`,
      {
        hint: bounded(reply.problems.map((one) => one.remedy).join(' ')),
        data: { problems: reply.problems.map((one) => one.code) },
      },
    );
  }
}
