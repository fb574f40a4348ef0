import { readSync } from 'node:fs';
import { parseDomainXml } from '../../domain/parse.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { InvariantError, RefusedError, StreamError } from '../../errors/errors.js';
import { asError, codeOf } from '../../errors/message-of.js';
import { FdWriter } from '../../posix/fd-stream.js';
import { LONGEST_MAGIC, packedForm, unpackedInput } from '../../posix/input/unpacked.js';
import { openInput, type Input } from '../../posix/input/open-input.js';
import { makePipe, OwnedFd } from '../../posix/owned-fd.js';
import { decodeXlConfig, decodeXlHeader, XL_HEADER_BYTES } from '../../savefile/xl-header.js';
import { STREAM_HEAD_BYTES, streamOrigin, type StreamOrigin } from '../../savestream/stream-release.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';
import { guestConfigOf } from './saved-config.js';

/** A libxl stream begins with these eight bytes (libxl-migration-stream, "Header"). */
const LIBXL_IDENT = Buffer.from('LibxlFmt', 'latin1');
/** Longest wait for the end of a compressed file after the end of its stream: its checksum comes last. */
const PACKED_END_MS = 30_000;

/** An open save file: its configuration is read, and the stream is next. */
export interface SaveFile extends AsyncDisposable {
  readonly config: GuestConfig;
  /** Where the stream comes from, by its own header; undefined where that is none. */
  readonly origin: StreamOrigin | undefined;
  /** Why reading the file failed, if it did. */
  readonly failure: Error | undefined;
  /** The descriptor that the stream is read from, once; the caller owns it. */
  stream(): OwnedFd;
  /** Call it once the stream has been restored: rejects if the compressed data is damaged. */
  checked(signal: AbortSignal): Promise<void>;
}

/**
 * Opens a save file: a file, a block device, a pipe or a process substitution, or `-` for standard input; also
 * compressed by gzip, xz or zstd.
 * @param xml domain XML that replaces the one in the file, or that a bare libxl stream lacks
 * @throws RefusedError `E_REFUSED_FILE`, `E_REFUSED_NO_CONFIG`, `E_REFUSED_NO_UNPACKER`; StreamError
 * `E_STREAM_SAVE_FILE`, `E_STREAM_COMPRESSED`
 */
export async function openSaveFile(path: string, signal: AbortSignal, xml?: string): Promise<SaveFile> {
  const input = openInput(path);
  try {
    return isPlainFile(input) ? await fromFile(input, xml) : await fromBytes(input, signal, xml);
  } catch (error) {
    input.fd.close();
    if (!codeOf(error).startsWith('E_SYSTEM_')) throw error;
    throw new RefusedError('E_REFUSED_FILE', `cannot read ${input.name}`, {
      cause: error,
      hint: 'Name a save file that you may read.',
    });
  }
}

/** The toolstack reads a plain file directly. */
function isPlainFile({ isSeekable, fd }: Input): boolean {
  return isSeekable && packedForm(peek(fd, LONGEST_MAGIC)) === undefined;
}

/** Reads without moving the file's offset: the process that inherits the descriptor reads from there. */
function peek(fd: OwnedFd, bytes: number, at = 0): Buffer {
  const head = Buffer.alloc(bytes);
  return head.subarray(0, readSync(fd.fd, head, 0, bytes, at));
}

async function fromFile({ fd, name }: Input, xml: string | undefined): Promise<SaveFile> {
  const isBare = peek(fd, LIBXL_IDENT.length).equals(LIBXL_IDENT);
  let taken = 0;
  const take = (bytes: number): Promise<Buffer> => {
    taken += bytes;
    return Promise.resolve(readExactly(fd, bytes));
  };
  const config = await configOf({ isBare, take }, name, xml);
  return {
    config,
    origin: streamOrigin(peek(fd, STREAM_HEAD_BYTES, taken)),
    failure: undefined,
    stream: () => new OwnedFd(fd.release(), fd.what),
    checked: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => {
      fd.close();
      return Promise.resolve();
    },
  };
}

async function fromBytes(input: Input, signal: AbortSignal, xml: string | undefined): Promise<SaveFile> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const { form, chunks } = await unpackedInput(input, either);
    const head = new Head(chunks);
    const isBare = (await head.peek(LIBXL_IDENT.length)).equals(LIBXL_IDENT);
    const config = await configOf({ isBare, take: (bytes) => head.take(bytes) }, input.name, xml);
    const origin = streamOrigin(await head.peek(STREAM_HEAD_BYTES));
    return new PassedOn(config, origin, input.name, form !== undefined, head.rest(), stop, either);
  } catch (error) {
    stop.abort(asError(error));
    throw error;
  }
}

interface HeadBytes {
  readonly isBare: boolean;
  readonly take: (bytes: number) => Promise<Buffer>;
}

async function configOf({ isBare, take }: HeadBytes, name: string, xml: string | undefined): Promise<GuestConfig> {
  if (isBare) {
    if (xml !== undefined) return { domain: parseDomainXml(xml) };
    throw new RefusedError('E_REFUSED_NO_CONFIG', `${name} is a bare libxl stream: it has no configuration`, {
      hint: 'Give the domain XML with --xml FILE.',
    });
  }
  const { format, optionalBytes } = decodeXlHeader(await take(XL_HEADER_BYTES));
  const saved = decodeXlConfig(format, await take(optionalBytes));
  return xml === undefined ? guestConfigOf(saved) : { domain: parseDomainXml(xml) };
}

function readExactly(fd: OwnedFd, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let got = 0;
  while (got < bytes) {
    const count = readSync(fd.fd, buffer, got, bytes - got, null);
    if (count === 0) throw endsEarly(got, bytes);
    got += count;
  }
  return buffer;
}

function endsEarly(got: number, bytes: number): StreamError {
  return new StreamError('E_STREAM_SAVE_FILE', `the file ends after ${got} of ${bytes} bytes of its head`);
}

/** The first bytes of a chunked source. The caller has bounded the number of bytes that it asks for. */
class Head {
  #ahead: Buffer = Buffer.alloc(0);

  constructor(private readonly chunks: AsyncGenerator<Uint8Array>) {}

  /** The first `bytes` bytes, or all if there are fewer, without consuming them. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.#ahead.length < bytes) {
      const next = await this.chunks.next();
      if (next.done === true) break;
      this.#ahead = Buffer.concat([this.#ahead, next.value]);
    }
    return this.#ahead.subarray(0, bytes);
  }

  async take(bytes: number): Promise<Buffer> {
    const taken = await this.peek(bytes);
    if (taken.length < bytes) throw endsEarly(taken.length, bytes);
    this.#ahead = this.#ahead.subarray(bytes);
    return taken;
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#ahead.length > 0) yield this.#ahead;
    yield* this.chunks;
  }
}

/** A save file that the toolstack cannot read directly: its bytes are copied through a pipe. */
class PassedOn implements SaveFile {
  #failure: Error | undefined;
  #passing: Promise<void> | undefined;

  constructor(
    readonly config: GuestConfig,
    readonly origin: StreamOrigin | undefined,
    private readonly name: string,
    private readonly isPacked: boolean,
    private readonly chunks: AsyncGenerator<Uint8Array>,
    private readonly stop: AbortController,
    private readonly signal: AbortSignal,
  ) {}

  get failure(): Error | undefined {
    return this.#failure;
  }

  stream(): OwnedFd {
    const { readEnd, writeEnd } = makePipe(this.name);
    this.#passing = this.#passOn(writeEnd);
    return readEnd;
  }

  async checked(signal: AbortSignal): Promise<void> {
    if (!this.isPacked || this.#passing === undefined) return;
    using deadline = new Deadline(signal, PACKED_END_MS, 'E_DEADLINE_FILE', `the end of ${this.name}`);
    await orAborted(this.#passing, deadline.signal);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort(new InvariantError('the save file was closed'));
    if (this.#passing === undefined) await this.chunks.next().catch(() => undefined); // sees the abort, and releases its source
    await this.#passing;
  }

  /** Never rejects: a failure of the file is kept, and a failure of the reader is reported by the reader. */
  async #passOn(sink: OwnedFd): Promise<void> {
    using writer = new FdWriter(sink);
    let isHeard = true;
    try {
      for await (const chunk of this.chunks) {
        isHeard = isHeard && (await this.#heard(writer, chunk));
        if (!isHeard && !this.isPacked) return;
      }
      if (isHeard) await writer.end(this.signal).catch(() => undefined); // its reader has ended
    } catch (error) {
      if (!this.stop.signal.aborted) this.#failure ??= asError(error);
    }
  }

  /** Whether the reader took the chunk: a reader that has all that it needs may end early. */
  async #heard(writer: FdWriter, chunk: Uint8Array): Promise<boolean> {
    try {
      await writer.write(chunk, this.signal);
      return true;
    } catch (error) {
      if (this.signal.aborted) throw error;
      return false;
    }
  }
}
