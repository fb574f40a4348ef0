import { createReadStream } from 'node:fs';
import process from 'node:process';
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { RefusedError, StreamError, XenferryError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import { unpackWith } from './unpack.js';

export const READ_BYTES = 1024 * 1024;
/** Magic bytes of the compressed forms, and what unpacks them. */
const FORMS = [
  { magic: [0x1f, 0x8b], form: 'gzip' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], form: 'xz' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], form: 'zstd' },
] as const;
const LONGEST_MAGIC = 6;

/**
 * The bytes of a file, or of standard input for `-`, unpacked where they are gzip, xz or zstd. A chunk
 * is read when it is asked for; the file and any unpacker are let go at the end, on an early return and
 * when the signal fires, which is the only one of these that does not wait for a read under way.
 *
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_NO_UNPACKER`; StreamError `E_STREAM_COMPRESSED`
 */
export async function* streamInput(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const source: Readable = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES });
  addAbortSignal(signal, source);
  const chunks = readChunks(source, file);
  try {
    const head = await takeHead(chunks);
    const form = FORMS.find(({ magic }) => magic.every((byte, index) => head[index] === byte))?.form;
    const packed = joined(head, chunks);
    if (form === undefined) yield* packed;
    else if (form === 'gzip') yield* unpackGzip(packed);
    else yield* unpackWith(form, packed, signal);
  } finally {
    source.destroy();
  }
}

async function* readChunks(source: Readable, file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${file === '-' ? 'standard input' : file}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}

/** As many chunks as it takes to tell the form; fewer bytes only where there are no more. */
async function takeHead(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < LONGEST_MAGIC) {
    const next = await chunks.next();
    if (next.done === true) break;
    parts.push(next.value);
    length += next.value.length;
  }
  return Buffer.concat(parts);
}

async function* joined(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* unpackGzip(packed: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  // Its failure destroys `gunzip` with the same error, which the loop below throws.
  pipeline(Readable.from(packed), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    if (error instanceof XenferryError) throw error;
    throw new StreamError('E_STREAM_COMPRESSED', `the gzip form is damaged: ${messageOf(error)}`, {
      cause: error,
      hint: 'The file was damaged, or is not all there: compare it with the original.',
    });
  }
}
