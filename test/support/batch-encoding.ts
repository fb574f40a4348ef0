import { PageBatchEncoder } from '../../src/codec/page-batch-encoder.js';
import type { BatchEncoder, BatchEncoderOptions, EncoderCounts } from '../../src/codec/batch-encoder.js';
import { EncoderMemory } from '../../src/codec/encoder-memory.js';
import { PieceEncoder, PIECE_BYTES, type StreamTaker } from '../../src/codec/piece-encoder.js';
import { WasmBatchEncoder, wasmEncoderModule } from '../../src/codec/wasm-batch-encoder.js';
import { Op, OP_BYTES, TRAILER_BYTES } from '../../src/codec/batch.js';
import { applyDelta } from '../../src/codec/page-delta.js';
import { PAGE_BYTES } from '../../src/savestream/layout.js';

export const ENCODERS = ['TypeScript', 'WebAssembly'] as const;
export type EncoderName = (typeof ENCODERS)[number];

export function makeEncoder(name: EncoderName, memory: EncoderMemory, options: BatchEncoderOptions): BatchEncoder {
  if (name === 'TypeScript') return new PageBatchEncoder(memory.buffer, options);
  const module = wasmEncoderModule();
  if (module === undefined) throw new Error('this Node.js has no WebAssembly with SIMD');
  return new WasmBatchEncoder(module, memory, options);
}

/** What an encoder made of a stream. */
export interface Encoded {
  readonly batches: readonly Buffer[];
  readonly rawBytes: readonly number[];
  readonly counts: EncoderCounts;
  /** What went to the digest: bytes of literals, or how many zero pages. */
  readonly taken: readonly (Buffer | number)[];
}

/** Encodes a stream that comes in these pieces; 0 stands for a pause. The slots are as few as may be, so that one reused too early shows. */
export function encodeStream(
  name: EncoderName,
  raw: Buffer,
  pieces: readonly number[],
  options: BatchEncoderOptions,
  {
    memory = EncoderMemory.create(options.references + 1),
    taker,
  }: { readonly memory?: EncoderMemory; readonly taker?: StreamTaker } = {},
): Encoded {
  const encoder = makeEncoder(name, memory, options);
  const batches: Buffer[] = [];
  const rawBytes: number[] = [];
  const taken: (Buffer | number)[] = [];
  let next = 0;
  const feed = new PieceEncoder({
    encoder,
    memory,
    takeSlot: () => {
      next += 1;
      return (next - 1) % memory.slots;
    },
    taker: taker ?? { literal: (bytes) => taken.push(Buffer.from(bytes)), zeros: (pages) => taken.push(pages) },
    onBatch: (payload) => {
      batches.push(Buffer.from(Buffer.from(memory.buffer, memory.slotAt(payload.slot), payload.payloadBytes)));
      rawBytes.push(payload.rawBytes);
    },
  });
  const sizes = pieces.values();
  for (let at = 0; at < raw.length;) {
    const size = sizes.next().value ?? PIECE_BYTES;
    if (size === 0) {
      feed.flush();
      continue;
    }
    const count = raw.copy(feed.space, 0, at, Math.min(raw.length, at + size));
    feed.push(count);
    at += count;
  }
  feed.end();
  return { batches, rawBytes, counts: { ...encoder.counts }, taken };
}

/** The raw stream of plain batches: no reader for hostile ones, and knows nothing of the program's own. */
export function plainRaw(batches: readonly Buffer[]): Buffer {
  const pages: Map<number, Buffer>[] = [];
  const out: Buffer[] = [];
  for (const [number, batch] of batches.entries()) {
    const trailer = batch.length - TRAILER_BYTES;
    const [pageCount, byteCount, opsBytes] = [8, 12, 16].map((at) => batch.readUInt32BE(trailer + at));
    let byteAt = pageCount * PAGE_BYTES;
    const opsAt = byteAt + byteCount;
    let page = 0;
    let deltas = 0;
    const own = new Map<number, Buffer>();
    pages.push(own);
    for (let at = opsAt; at < opsAt + opsBytes; at += OP_BYTES) {
      const n = batch.readUInt16BE(at + 2);
      const m = batch.readUInt32BE(at + 4);
      const named = (offset: number): Buffer => {
        const found = pages[number - (m >>> 16)].get((m & 0xffff) + offset);
        if (found === undefined) throw new Error(`batch ${number} has a page of ${m.toString(16)} that is not there`);
        return found;
      };
      switch (batch[at]) {
        case Op.BYTES:
          out.push(batch.subarray(byteAt, byteAt + m));
          byteAt += m;
          break;
        case Op.ZERO:
          out.push(Buffer.alloc(m * PAGE_BYTES));
          break;
        case Op.COPY:
          for (let index = 0; index < n; index += 1) out.push(named(index));
          break;
        case Op.DELTA: {
          const result = Buffer.from(named(0));
          if (!applyDelta(result, batch.subarray(byteAt, byteAt + n))) throw new Error('a delta does not fit');
          byteAt += n;
          own.set(256 + deltas, result);
          deltas += 1;
          out.push(result);
          break;
        }
        case Op.PAGES:
          for (let index = 0; index < m; index += 1) {
            own.set(page, batch.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
            out.push(batch.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
            page += 1;
          }
          break;
        default:
          throw new Error(`operation ${batch[at]}`);
      }
    }
    if (byteAt !== opsAt || page !== pageCount) throw new Error(`batch ${number} is not used up`);
    const kept = Math.ceil((opsAt + opsBytes + TRAILER_BYTES) / PAGE_BYTES) * PAGE_BYTES + deltas * PAGE_BYTES;
    if (kept > 1024 * 1024) throw new Error(`batch ${number} keeps ${kept} bytes`);
  }
  return Buffer.concat(out);
}
