import type { StageCounts } from '../api/internal/report.js';
import { bytesText } from './bytes-text.js';

/** Figures of a stream that was sent. */
export interface Transfer {
  readonly rawBytes: number;
  readonly wireBytes: number;
  readonly transferMs: number;
  readonly stages?: StageCounts;
}

const perSecond = (bytes: number, ms: number): number => (ms > 0 ? Math.round((bytes / ms) * 1000) : 0);

/** For `--json`: rates in bytes per second; each stage with its savings, in bytes, and its cost on this host, in ms. */
export function transferFigures(transfer: Transfer): Record<string, unknown> {
  const { rawBytes, wireBytes, transferMs, stages } = transfer;
  return {
    ratio: ratioOf(rawBytes, wireBytes),
    transferMs: Math.round(transferMs),
    effectiveBytesPerSecond: perSecond(rawBytes, transferMs),
    wireBytesPerSecond: perSecond(wireBytes, transferMs),
    stages: stages === undefined ? null : stageFigures(stages),
  };
}

/** Figures of each stage of a transfer, as `--json` prints them; times in ms. */
export function stageFigures(stages: StageCounts): Record<string, unknown> {
  const { codec, digestMs, sendWaitMs } = stages;
  return {
    ...(codec === undefined
      ? {}
      : {
          zero: { savedBytes: codec.zeroBytes },
          repeated: { savedBytes: codec.copiedBytes },
          delta: { savedBytes: codec.deltaBytes - codec.deltaWireBytes },
          find: { ms: Math.round(codec.encodeMs) },
          zstd: {
            level: codec.level,
            savedBytes: codec.packedBytes - codec.packedToBytes,
            passedBytes: codec.plainBytes,
            ms: Math.round(codec.packMs),
          },
        }),
    digest: { ms: Math.round(digestMs) },
    send: { waitMs: Math.round(sendWaitMs) },
  };
}

/** `1.2 GiB of stream as 300.1 MiB on the wire (4.1 : 1), 800.2 MiB/s`. */
export function transferText(transfer: Transfer): string {
  const { rawBytes, wireBytes, transferMs } = transfer;
  const ratio = `${ratioOf(rawBytes, wireBytes).toFixed(1)} : 1`;
  return `${bytesText(rawBytes)} of stream as ${bytesText(wireBytes)} on the wire (${ratio}), ${bytesText(perSecond(rawBytes, transferMs))}/s`;
}

/** Bytes of the stream per byte on the wire; 0 if nothing was sent. */
export function ratioOf(rawBytes: number, wireBytes: number): number {
  return wireBytes > 0 ? Math.round((rawBytes / wireBytes) * 100) / 100 : 0;
}
