import type { Compression, StreamChoice } from '../codec/agreement.js';
import type { DigestAlgorithm } from '../codec/digest.js';
import { StreamPacker, type ReadyBatch } from '../codec/stream-packer.js';
import type { OutboundOptions, OutboundSink, OutboundStream } from './outbound-stream.js';
import type { EncodeCounts } from './report.js';
import { SaveReader, type SavedBatch } from './save-reader.js';

/** What was agreed on for the stream: see the codec. */
export interface StreamTerms {
  readonly choice: StreamChoice;
  readonly compression: Compression;
  readonly digestKey: Buffer;
  /** Batches that may be under way. */
  readonly windowBatches: number;
  /** True: pages are looked for in TypeScript, also where WebAssembly can be had. */
  readonly withoutWasm?: boolean | undefined;
}

/** A smaller batch is copied, so that its slot is free at once. */
const LEND_BYTES = 64 * 1024;

/** A stream that is read and encoded by a thread of its own, and compressed here where that pays. */
export class BatchStream implements OutboundStream {
  readonly #packer: StreamPacker;
  readonly #reader: SaveReader;
  #rawBytes = 0;

  constructor(
    private readonly terms: StreamTerms,
    private readonly options: OutboundOptions,
  ) {
    const { choice, compression, digestKey, windowBatches, withoutWasm } = terms;
    const { source, bytesPerSecond, onBegun } = options;
    this.#packer = new StreamPacker(choice, compression);
    const { findPages } = this.#packer;
    this.#reader = new SaveReader({
      source,
      choice,
      digestKey,
      findPages,
      windowBatches,
      bytesPerSecond,
      withoutWasm,
      onBegun,
    });
    this.#reader.delayMs = this.#packer.delayMs;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  get counts(): { readonly codec: EncodeCounts; readonly digestMs: number } {
    const { encoder, encodeMs, digestMs } = this.#reader.counts;
    return { codec: { ...encoder, ...this.#packer.counts, encodeMs }, digestMs };
  }

  hurry(): void {
    this.#packer.hurry();
    this.#reader.delayMs = this.#packer.delayMs;
  }

  async sendTo(sink: OutboundSink): Promise<void> {
    const { signal } = this.options;
    const batches = this.#packer.batches(this.#reader.batches(signal));
    for await (const batch of batches) {
      const waitMs = await this.#send(batch, sink);
      this.#rawBytes += batch.rawBytes;
      this.#packer.sent(batch, waitMs, batch.plain.idleMs);
      this.#reader.delayMs = this.#packer.delayMs;
    }
    this.#rawBytes = this.#reader.total.rawBytes;
  }

  async #send({ bytes, plain, isPlain }: ReadyBatch<SavedBatch>, sink: OutboundSink): Promise<number> {
    const free = (): void => {
      this.#reader.free(plain);
    };
    if (isPlain && bytes.length > LEND_BYTES) return sink.lend(bytes, free);
    if (!isPlain) free();
    const waitMs = await sink.write(bytes);
    if (isPlain) free();
    return waitMs;
  }

  digest(): { readonly algorithm: DigestAlgorithm; readonly hex: string } {
    return { algorithm: this.terms.choice.digest, hex: this.#reader.total.hex };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#packer[Symbol.dispose]();
    await this.#reader[Symbol.asyncDispose]();
  }
}
