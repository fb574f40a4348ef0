import { SLOT_BYTES, SlotMemory, type Slot } from '../../src/buffers/slot-memory.js';
import { referenceBatches, type StreamChoice } from '../../src/codec/agreement.js';
import { BatchDecoder, type RawSink } from '../../src/codec/batch-decoder.js';
import { BatchUnpacker, type ReceivedBatch } from '../../src/codec/batch-unpacker.js';
import { SparseDigester } from '../../src/codec/sparse-digest.js';
import { PAGE_BYTES } from '../../src/savestream/layout.js';

export const DIGEST_KEY = Buffer.alloc(16, 0x5a);

/** What was made of some batches. */
export interface Decoded {
  readonly raw: Buffer;
  readonly digest: string;
}

/**
 * Decodes batches as the destination does, in as few slots as may be: one that is given back while it is still referred to
 * shows. @param spoil called with each piece of the raw stream before it is digested and collected
 */
export function decodeBatches(
  batches: readonly Uint8Array[],
  choice: StreamChoice,
  spoil: (piece: Buffer) => void = () => undefined,
): Decoded {
  const memory = new SlotMemory(referenceBatches(choice) + 2);
  const take = (): Slot => {
    const slot = memory.take();
    if (slot === undefined) throw new Error('more slots are kept than there are batches to refer to');
    return slot;
  };
  using unpacker = new BatchUnpacker(memory.buffer, take(), choice.packing === 'zstd');
  const decoder = new BatchDecoder<ReceivedBatch>(referenceBatches(choice));
  const digester = new SparseDigester({ algorithm: choice.digest, key: DIGEST_KEY });
  const raw: Buffer[] = [];
  const sink: RawSink<ReceivedBatch> = {
    literal: (batch, at, count) => {
      const piece = Buffer.from(batch.memory.subarray(at, at + count));
      spoil(piece);
      digester.literal(piece);
      raw.push(piece);
    },
    zeros: (pages) => {
      digester.zeros(pages);
      raw.push(Buffer.alloc(pages * PAGE_BYTES));
    },
  };
  for (const bytes of batches) {
    const slot = take();
    if (bytes.length <= SLOT_BYTES) memory.view(slot, bytes.length).set(bytes);
    const left = decoder.decode(unpacker.read(slot, bytes.length), sink);
    if (left === undefined) continue;
    memory.view(left.slot).fill(0xee);
    memory.give(left.slot);
  }
  return { raw: Buffer.concat(raw), digest: digester.digest() };
}
