import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RefusedError, StreamError, XenferryError } from '../../errors/errors.js';
import { printableLine } from '../../errors/printable.js';

/** A file names the window that unpacking needs; its largest usual one is 128 MiB. */
const MEMORY_LIMIT = '256MiB';
const UNPACKERS = {
  xz: { args: ['-dc', `--memlimit-decompress=${MEMORY_LIMIT}`], debianPackage: 'xz-utils' },
  zstd: { args: ['-dc', `--memory=${MEMORY_LIMIT}`], debianPackage: 'zstd' },
} as const;
/** Longest error output of a program that is kept. */
const COMPLAINT_CHARS = 1000;

/**
 * Unpacks the bytes with the system's xz or zstd. The child ends with the generator, or with the signal.
 *
 * @throws RefusedError `E_REFUSED_NO_UNPACKER`; StreamError `E_STREAM_COMPRESSED`; what `packed` throws
 */
export async function* unpackWith(
  program: keyof typeof UNPACKERS,
  packed: AsyncGenerator<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { args, debianPackage } = UNPACKERS[program];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const ended = once(child, 'close').then(
    ([code]) => code as number | null,
    (error: unknown) => {
      if (signal.aborted) throw error;
      throw new RefusedError('E_REFUSED_NO_UNPACKER', `the file is packed with ${program}, which cannot be started`, {
        cause: error,
        hint: `Install Debian's ${debianPackage}.`,
      });
    },
  );
  ended.catch(() => undefined); // awaited below, unless the reader stops first
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_CHARS);
  });
  const fed = pipeline(Readable.from(packed), child.stdin).catch((error: unknown) => error);
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await ended;
    // The child's exit status reports a broken pipe; a failing input is reported as such.
    const failure = code === 0 ? undefined : await fed;
    if (failure instanceof XenferryError) throw failure;
    if (code !== 0) {
      throw new StreamError(
        'E_STREAM_COMPRESSED',
        `${program} could not unpack it: ${printableLine(complaint.trim())}`,
        {
          hint: 'The file is damaged or incomplete: compare it with the original.',
        },
      );
    }
  } finally {
    child.kill();
  }
}
