import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { RefusedError, StreamError } from '../errors/errors.js';
import { asError, messageOf } from '../errors/message-of.js';

const READ_BYTES = 1024 * 1024;
/** Magic bytes of the compressed forms, and what unpacks them. */
const FORMS = [
  { magic: [0x1f, 0x8b], form: 'gzip' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], form: 'xz' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], form: 'zstd' },
] as const;
const LONGEST_MAGIC = 6;
const PACKAGES = { xz: 'xz-utils', zstd: 'zstd' } as const;

/** The bytes of a file, or of standard input for `-`, unpacked where they are gzip, xz or zstd. */
export async function* streamInput(file: string): AsyncGenerator<Uint8Array> {
  const source: Readable = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES });
  try {
    const { head, rest } = await takeHead(source, file);
    const form = FORMS.find(({ magic }) => magic.every((byte, index) => head[index] === byte))?.form;
    if (form === undefined) yield* joined(head, rest);
    else if (form === 'gzip') yield* unpackGzip(head, rest);
    else yield* unpackWith(form, head, rest);
  } finally {
    source.destroy();
  }
}

type Chunks = AsyncIterator<Uint8Array>;

async function takeHead(source: Readable, file: string): Promise<{ head: Uint8Array; rest: Chunks }> {
  const rest: Chunks = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < LONGEST_MAGIC) {
    const next = await rest.next().catch((error: unknown) => {
      throw new RefusedError('E_REFUSED_FILE', `cannot read ${file}`, {
        cause: error,
        hint: 'Name a file that you may read.',
      });
    });
    if (next.done === true) break;
    parts.push(next.value);
    length += next.value.length;
  }
  return { head: Buffer.concat(parts), rest };
}

async function* joined(head: Uint8Array, rest: Chunks): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Writes everything into an unpacker, in its own time. Its failure is the unpacker's to tell. */
async function feed(into: NodeJS.WritableStream, head: Uint8Array, rest: Chunks): Promise<void> {
  for await (const chunk of joined(head, rest)) {
    if (!into.write(chunk)) await once(into, 'drain');
  }
  into.end();
}

async function* unpackGzip(head: Uint8Array, rest: Chunks): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  feed(gunzip, head, rest).catch((error: unknown) => gunzip.destroy(asError(error)));
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    throw new StreamError('E_STREAM_COMPRESSED', `the gzip form is damaged: ${messageOf(error)}`, { cause: error });
  }
}

async function* unpackWith(program: 'xz' | 'zstd', head: Uint8Array, rest: Chunks): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-1000);
  });
  const ended = whenEnded(child, program);
  ended.catch(() => undefined); // awaited below, unless the reader stops first
  // A broken pipe here means that the program has ended; `ended` says why.
  child.stdin.on('error', () => undefined);
  feed(child.stdin, head, rest).catch(() => child.kill());
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await ended;
    if (code !== 0) throw new StreamError('E_STREAM_COMPRESSED', `${program} could not unpack it: ${complaint.trim()}`);
  } finally {
    child.kill();
  }
}

async function whenEnded(child: ChildProcess, program: 'xz' | 'zstd'): Promise<number | null> {
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  } catch (error) {
    throw new RefusedError('E_REFUSED_NO_UNPACKER', `the file is packed with ${program}, which is not installed`, {
      cause: error,
      hint: `Install Debian's ${PACKAGES[program]}.`,
    });
  }
}
