import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { RefusedError, StreamError, XenferryError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { INPUT_CHUNK_BYTES, inputChunks, openInput, type Input } from './open-input.js';
import { unpackWith } from './unpack.js';

/** Magic bytes of the compressed forms, and the programs that unpack them. */
const FORMS = [
  { magic: [0x1f, 0x8b], form: 'gzip' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], form: 'xz' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], form: 'zstd' },
] as const;
export type PackedForm = (typeof FORMS)[number]['form'];
export const LONGEST_MAGIC = 6;

/** The compressed form of bytes with this start; undefined: not compressed. */
export function packedForm(head: Uint8Array): PackedForm | undefined {
  return FORMS.find(({ magic }) => magic.every((byte, index) => head[index] === byte))?.form;
}

/**
 * The bytes of a file, or of standard input for `-`, unpacked if they are gzip, xz or zstd. A chunk
 * is read when it is requested; the file and the unpacker are released at the end, on an early return and
 * when the signal fires, which alone does not wait for a read under way.
 *
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_NO_UNPACKER`; StreamError `E_STREAM_COMPRESSED`
 */
export async function* streamInput(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { chunks } = await unpackedInput(openInput(file), signal);
  yield* chunks;
}

/** The bytes of an open input, unpacked, and their compressed form. Takes ownership of the input's descriptor. */
export async function unpackedInput(
  input: Input,
  signal: AbortSignal,
): Promise<{ readonly form: PackedForm | undefined; readonly chunks: AsyncGenerator<Uint8Array> }> {
  if (input.isTerminal) {
    input.fd.close();
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${input.name}: it is a terminal`, {
      hint: 'Name a file, or use a pipe.',
    });
  }
  const source = inputChunks(input, signal);
  const head = await takeHead(source);
  const form = packedForm(head);
  const packed = joined(head, source);
  if (form === undefined) return { form, chunks: packed };
  return { form, chunks: form === 'gzip' ? unpackGzip(packed) : unpackWith(form, packed, signal) };
}

/** As many chunks as the detection needs; fewer bytes only where there are no more. */
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
  const gunzip = createGunzip({ chunkSize: INPUT_CHUNK_BYTES });
  // Its failure destroys `gunzip` with the same error, which the loop below throws.
  pipeline(Readable.from(packed), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    if (error instanceof XenferryError) throw error;
    throw new StreamError('E_STREAM_COMPRESSED', `the gzip form is damaged: ${messageOf(error)}`, {
      cause: error,
      hint: 'The file is damaged or incomplete: compare it with the original.',
    });
  }
}
