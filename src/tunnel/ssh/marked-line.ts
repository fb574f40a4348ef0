import type { Readable } from 'node:stream';
import { orAborted } from '../../errors/deadline.js';
import { ProtocolError, TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { printableLine } from '../../errors/printable.js';

/** A line that begins with a mark, and the bytes before it. */
export interface MarkedLine {
  /** The line without its mark and its end. */
  readonly text: string;
  /** What was skipped: the output of a login shell, for example. */
  readonly noise: string;
}

/** Bounds, in bytes: of other output before the line, and of the line. */
export interface MarkedLineLimits {
  readonly noiseBytes: number;
  readonly lineBytes: number;
}

/**
 * Reads a stream up to the end of the first line that begins with the mark; the bytes after it stay in
 * the stream. Bounded by the limits and the signal; the caller keeps the stream.
 * Rejects with `E_PROTOCOL_GREETING`, `E_TUNNEL_CUT` at the end of the stream, the stream's own error,
 * or the signal's reason.
 */
export async function readMarkedLine(
  stream: Readable,
  mark: string,
  limits: MarkedLineLimits,
  signal: AbortSignal,
): Promise<MarkedLine> {
  let gathered = Buffer.alloc(0);
  let stop = (): void => undefined;
  const found = new Promise<MarkedLine>((resolve, reject) => {
    const onReadable = (): void => {
      try {
        for (;;) {
          const chunk: unknown = stream.read();
          if (!Buffer.isBuffer(chunk)) return;
          gathered = Buffer.concat([gathered, chunk]);
          const line = lineOf(gathered, mark, limits);
          if (line === undefined) continue;
          stop();
          if (line.end < gathered.length) stream.unshift(gathered.subarray(line.end));
          resolve(line);
          return;
        }
      } catch (error) {
        reject(asError(error));
      }
    };
    const onEnd = (): void => {
      const noise = gathered.toString('utf8', 0, 400).trim();
      reject(
        new TunnelError('E_TUNNEL_CUT', `the far end closed before it said ${mark.trim()}`, {
          hint: 'Run the command there by hand and see what it says.',
          ...(noise === '' ? {} : { data: { said: printableLine(noise) } }),
        }),
      );
    };
    stop = () => {
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', reject);
    };
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', reject);
    if (stream.errored) reject(stream.errored);
    else if (stream.destroyed || stream.readableEnded) onEnd();
  });
  try {
    return await orAborted(found, signal);
  } finally {
    stop();
  }
}

function lineOf(
  bytes: Buffer,
  mark: string,
  limits: MarkedLineLimits,
): (MarkedLine & { readonly end: number }) | undefined {
  const begins = bytes.indexOf(mark) === 0 ? 0 : bytes.indexOf(`\n${mark}`) + 1;
  const marked = begins > 0 || bytes.indexOf(mark) === 0;
  const end = marked ? bytes.indexOf('\n', begins) : -1;
  if (begins > limits.noiseBytes || (!marked && bytes.length > limits.noiseBytes)) {
    throw tooLong(`${limits.noiseBytes} bytes came before ${mark.trim()}`);
  }
  if (marked && (end < 0 ? bytes.length : end) - begins > limits.lineBytes) {
    throw tooLong(`the line ${mark.trim()} has more than ${limits.lineBytes} bytes`);
  }
  if (end < 0) return undefined;
  return {
    text: bytes.toString('utf8', begins + mark.length, end).trimEnd(),
    noise: bytes.toString('utf8', 0, begins).trim(),
    end: end + 1,
  };
}

function tooLong(problem: string): ProtocolError {
  return new ProtocolError('E_PROTOCOL_GREETING', problem, {
    hint: 'Check the start-up files of the remote login shell: they must not print anything for commands.',
  });
}
