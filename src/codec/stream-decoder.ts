import type { StreamChoice } from './agreement.js';
import { batchError, BodyKind } from './batch.js';
import { BatchReader, type SentBatch } from './batch-reader.js';
import { BatchUnpacker, PACK_THREADS, type UnpackedBatch } from './batch-packer.js';
import { mapOrdered } from './map-ordered.js';
import { DECODE_AHEAD_BYTES, PageDecoder } from './page-decoder.js';
import { RawWindow } from './raw-window.js';
import { PassthroughDecoder } from './passthrough-decoder.js';

/** What the lanes brought, in order. */
export interface EncodedChunks extends AsyncIterable<Uint8Array> {
  /** A chunk is used up: its memory may hold another. */
  release?(chunk: Uint8Array): void;
}

/** The destination's half of the codec: from what the lanes brought to the raw stream. One use. */
export class StreamDecoder implements Disposable {
  readonly #decoder: PageDecoder | PassthroughDecoder;
  readonly #unpacker = new BatchUnpacker();
  readonly #packed: boolean;
  #decodeMs = 0;

  constructor(choice: StreamChoice) {
    this.#decoder =
      choice.referenceBytes === 0
        ? new PassthroughDecoder()
        : new PageDecoder(new RawWindow(choice.referenceBytes, DECODE_AHEAD_BYTES));
    this.#packed = choice.packing === 'zstd';
  }

  /** What it has cost so far, in ms. */
  get counts(): { readonly decodeMs: number; readonly unpackMs: number } {
    return { decodeMs: this.#decodeMs, unpackMs: this.#unpacker.unpackMs };
  }

  /**
   * The raw stream. Each piece is to be used up before the next is asked for; it is overwritten then.
   * @throws ProtocolError `E_PROTOCOL_BATCH`, `E_PROTOCOL_ZSTD`; what the lanes end with
   */
  async *chunks(encoded: EncodedChunks): AsyncGenerator<Buffer, void, undefined> {
    const batches = mapOrdered(readBatches(encoded), PACK_THREADS + 1, (batch) => this.#unpack(batch));
    for await (const batch of batches) {
      let since = performance.now();
      for (const piece of this.#decoder.decode(batch.header, batch.body, batch.offset)) {
        this.#decodeMs += performance.now() - since;
        yield piece;
        since = performance.now();
      }
      this.#decodeMs += performance.now() - since;
      this.#unpacker.done(batch);
      if (batch.lastOf !== undefined) encoded.release?.(batch.lastOf);
    }
  }

  #unpack(batch: SentBatch): Promise<UnpackedBatch> {
    if (batch.header.kind === BodyKind.PLAIN || this.#packed) return this.#unpacker.unpack(batch);
    return Promise.reject(batchError(batch.offset, 'it is packed, and nothing packed was agreed on'));
  }

  [Symbol.dispose](): void {
    this.#unpacker[Symbol.dispose]();
  }
}

async function* readBatches(encoded: EncodedChunks): AsyncGenerator<SentBatch, void, undefined> {
  const reader = new BatchReader();
  for await (const chunk of encoded) {
    const batches = reader.take(chunk);
    if (batches.length === 0) encoded.release?.(chunk);
    yield* batches;
  }
  reader.end();
}
