// What each stage costs by itself, in processor seconds per GB of raw stream: where the time goes.
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { BodyKind } from '../dist/codec/batch.js';
import { DECODE_AHEAD_BYTES, PageDecoder } from '../dist/codec/page-decoder.js';
import { PageEncoder } from '../dist/codec/page-encoder.js';
import { RawWindow } from '../dist/codec/raw-window.js';
import { REFERENCE_BYTES } from '../dist/codec/agreement.js';
import { StreamDigester } from '../dist/codec/digest.js';
import { ZstdCompressor, ZstdDecompressor, zstdVersion } from '../dist/codec/zstd.js';

const CHUNK = 1024 * 1024;
const HEADER = 20;

function encoded(raw, onDraft) {
  const window = new RawWindow(REFERENCE_BYTES, 2 * CHUNK);
  const encoder = new PageEncoder(window);
  let micros = 0;
  for (let at = 0; at < raw.length;) {
    const space = window.space();
    const count = raw.copy(space, 0, at);
    window.commit(count);
    at += count;
    const before = process.cpuUsage();
    const drafts = encoder.push(count);
    if (at === raw.length) drafts.push(...encoder.flush());
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    for (const draft of drafts) onDraft(draft, encoder.buffers);
  }
  return micros / 1e6;
}

export async function runMicro(inputs, json) {
  const rows = [];
  for (const { name, files } of inputs) {
    const raw = readFileSync(files[0]);
    const chunks = [];
    for (let at = 0; at < raw.length; at += CHUNK) chunks.push(raw.subarray(at, at + CHUNK));
    const row = (stage, seconds, ratio) =>
      rows.push({ input: name, stage, secondsPerGB: (seconds / raw.length) * 1e9, ratio });
    const timed = async (stage, work) => {
      const before = process.cpuUsage();
      const ratio = await work();
      const { user, system } = process.cpuUsage(before);
      row(stage, (user + system) / 1e6, ratio);
    };
    for (const algorithm of ['xxh3-128', 'xxh64', 'aes-gmac', 'sha256']) {
      await timed(`digest ${algorithm}`, () => {
        const digester = new StreamDigester({ algorithm, key: Buffer.alloc(16) });
        for (const chunk of chunks) digester.stage(chunk);
        digester.digest();
      });
    }
    const bodies = [];
    encoded(raw, (draft) => bodies.push(draft)); // and warms the code
    const seconds = encoded(raw, (draft, buffers) => buffers.give(draft.buffer));
    const bodyBytes = bodies.reduce((sum, draft) => sum + draft.bodyBytes, 0);
    row('codec: find', seconds, raw.length / bodyBytes);
    await timed('codec: make', () => {
      const decoder = new PageDecoder(new RawWindow(REFERENCE_BYTES, DECODE_AHEAD_BYTES));
      for (const { buffer, bodyBytes: bytes, opsBytes, rawBytes } of bodies) {
        const header = { kind: BodyKind.PLAIN, wireBytes: bytes, bodyBytes: bytes, opsBytes, rawBytes };
        for (const piece of decoder.decode(header, buffer.subarray(HEADER, HEADER + bytes), 0)) void piece;
      }
    });
    if (zstdVersion() !== undefined) {
      const compressor = new ZstdCompressor();
      const decompressor = new ZstdDecompressor();
      for (const level of [-10, -3, 1, 3]) {
        const packed = [];
        await timed(`zstd ${level}`, async () => {
          let bytes = 0;
          for (const draft of bodies) {
            const into = Buffer.allocUnsafeSlow(CHUNK);
            const body = draft.buffer.subarray(HEADER, HEADER + draft.bodyBytes);
            const length = await compressor.compress(body, into, level);
            if (length === undefined) continue;
            packed.push({ bytes: into.subarray(0, length), bodyBytes: draft.bodyBytes });
            bytes += length;
          }
          return bytes === 0 ? undefined : raw.length / bytes;
        });
        await timed(`unzstd ${level}`, async () => {
          const into = Buffer.allocUnsafeSlow(CHUNK);
          for (const one of packed) await decompressor.decompress(one.bytes, into.subarray(0, one.bodyBytes));
        });
      }
    }
    await timed('AES-128-GCM', () => {
      const cipher = createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12));
      for (const chunk of chunks) cipher.update(chunk);
    });
    await timed('SHA-1 (for scale)', () => void chunks.reduce((hash, chunk) => hash.update(chunk), createHash('sha1')));
  }
  if (json) process.stdout.write(`${JSON.stringify({ stages: rows }, undefined, 2)}\n`);
  else {
    for (const { input, stage, secondsPerGB, ratio } of rows) {
      const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} : 1`;
      process.stdout.write(
        `${input.padEnd(16)}${stage.padEnd(22)}${secondsPerGB.toFixed(3).padStart(8)} s/GB  ${shown}\n`,
      );
    }
  }
}
