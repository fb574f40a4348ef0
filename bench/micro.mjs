// What each stage costs by itself, in processor seconds per GB of raw stream: where the time goes.
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { SlotMemory } from '../dist/buffers/slot-memory.js';
import { referenceBatches, REFERENCE_BYTES } from '../dist/codec/agreement.js';
import { MAX_BATCH_BYTES, TRAILER_BYTES } from '../dist/codec/batch.js';
import { BatchDecoder } from '../dist/codec/batch-decoder.js';
import { BatchUnpacker } from '../dist/codec/batch-unpacker.js';
import { EncoderMemory } from '../dist/codec/encoder-memory.js';
import { PageBatchEncoder } from '../dist/codec/page-batch-encoder.js';
import { PieceEncoder } from '../dist/codec/piece-encoder.js';
import { WasmBatchEncoder, wasmEncoderModule } from '../dist/codec/wasm-batch-encoder.js';
import { SPARSE_DIGESTS } from '../dist/codec/digest.js';
import { SparseDigester } from '../dist/codec/sparse-digest.js';
import { ZstdCompressor, ZstdDecompressor, zstdVersion } from '../dist/codec/zstd.js';

const CHUNK = 1024 * 1024;
const LEVELS = [-10, -3, 1, 3];
const REFERENCES = referenceBatches({ referenceBytes: REFERENCE_BYTES });
const NO_TAKER = { literal: () => undefined, zeros: () => undefined };

/** Encodes a stream as the source does; the batches are good until the next one is made. */
function encoded(raw, makeEncoder, taker, onBatch) {
  const memory = EncoderMemory.create(REFERENCES + 2);
  const encoder = makeEncoder(memory);
  let next = 0;
  const pieces = new PieceEncoder({
    encoder,
    memory,
    taker,
    takeSlot: () => {
      const slot = next;
      next = (next + 1) % memory.slots;
      return slot;
    },
    onBatch: ({ slot, payloadBytes }) => onBatch(Buffer.from(memory.buffer, memory.slotAt(slot), payloadBytes)),
  });
  for (let at = 0; at < raw.length;) {
    const count = raw.copy(pieces.space, 0, at);
    pieces.push(count);
    at += count;
  }
  pieces.end();
}

/** Decodes batches as the destination does, into nothing. */
function decoded(batches) {
  const slots = new SlotMemory(REFERENCES + 3);
  const unpacker = new BatchUnpacker(slots.buffer, slots.take(), false);
  const decoder = new BatchDecoder(REFERENCES);
  for (const payload of batches) {
    const slot = slots.take();
    payload.copy(slots.view(slot));
    const left = decoder.decode(unpacker.read(slot, payload.length), NO_TAKER);
    if (left !== undefined) slots.give(left.slot);
  }
}

/** The rows of one stream. */
class Rows {
  constructor(input, rawBytes, rows) {
    Object.assign(this, { input, rawBytes, rows });
  }

  /** @param work returns the ratio of raw to sent bytes, where there is one */
  async timed(stage, work) {
    const before = process.cpuUsage();
    const ratio = await work();
    const { user, system } = process.cpuUsage(before);
    const secondsPerGB = ((user + system) / 1e6 / this.rawBytes) * 1e9;
    this.rows.push({ input: this.input, stage, secondsPerGB, ratio });
  }
}

async function measureZstd(rows, bodies, raw) {
  const compressor = new ZstdCompressor();
  const decompressor = new ZstdDecompressor();
  for (const level of LEVELS) {
    const packed = [];
    await rows.timed(`zstd ${level}`, async () => {
      let bytes = 0;
      for (const body of bodies) {
        const into = Buffer.allocUnsafeSlow(MAX_BATCH_BYTES);
        const length = await compressor.compress(body, into, level);
        if (length === undefined) continue;
        packed.push({ bytes: into.subarray(0, length), plainBytes: body.length });
        bytes += length;
      }
      return bytes === 0 ? undefined : raw.length / bytes;
    });
    await rows.timed(`unzstd ${level}`, () => {
      const into = Buffer.allocUnsafeSlow(MAX_BATCH_BYTES);
      for (const one of packed) decompressor.decompress(one.bytes, into.subarray(0, one.plainBytes));
    });
  }
}

async function measure(rows, raw) {
  const chunks = [];
  for (let at = 0; at < raw.length; at += CHUNK) chunks.push(raw.subarray(at, at + CHUNK));
  await rows.timed('copy', () => void chunks.reduce((into, chunk) => (chunk.copy(into), into), Buffer.alloc(CHUNK)));
  const batches = [];
  const options = { references: REFERENCES, findPages: true };
  const typescript = (memory) => new PageBatchEncoder(memory.buffer, options);
  encoded(raw, typescript, NO_TAKER, (payload) => batches.push(Buffer.from(payload))); // and compiles the code
  const sent = batches.reduce((sum, { length }) => sum + length, 0);
  const none = () => undefined;
  await rows.timed('encode, TypeScript', () => {
    encoded(raw, typescript, NO_TAKER, none);
    return raw.length / sent;
  });
  const module = wasmEncoderModule();
  if (module !== undefined) {
    await rows.timed('encode, WebAssembly', () => {
      encoded(raw, (memory) => new WasmBatchEncoder(module, memory, options), NO_TAKER, none);
      return raw.length / sent;
    });
  }
  for (const algorithm of SPARSE_DIGESTS) {
    const taker = new SparseDigester({ algorithm, key: Buffer.alloc(16) });
    // With what the encoder takes: the digest reads what is in the cache already.
    await rows.timed(`encode and ${algorithm}`, () => encoded(raw, typescript, taker, none));
  }
  decoded(batches);
  await rows.timed('decode', () => decoded(batches));
  const bodies = batches.map((payload) => payload.subarray(0, payload.length - TRAILER_BYTES));
  if (zstdVersion() !== undefined) await measureZstd(rows, bodies, raw);
  await rows.timed('AES-128-GCM of all', () => {
    const cipher = createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12));
    for (const chunk of chunks) cipher.update(chunk);
  });
  await rows.timed('SHA-1 of all', () => void chunks.reduce((hash, chunk) => hash.update(chunk), createHash('sha1')));
}

export async function runMicro(inputs, json) {
  const rows = [];
  for (const { name, files } of inputs) {
    const raw = readFileSync(files[0]);
    await measure(new Rows(name, raw.length, rows), raw);
  }
  if (json) return void process.stdout.write(`${JSON.stringify({ stages: rows }, undefined, 2)}\n`);
  for (const { input, stage, secondsPerGB, ratio } of rows) {
    const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} : 1`;
    process.stdout.write(
      `${input.padEnd(16)}${stage.padEnd(28)}${secondsPerGB.toFixed(3).padStart(8)} s/GB  ${shown}\n`,
    );
  }
}
