import { ProtocolError } from '../errors/errors.js';
import { MAX_BATCH_BYTES } from './batch.js';
import { DIGEST_KEY_BYTES, knownDigests, type SparseAlgorithm } from './digest.js';
import { FULL_PROFILE, suitableProfile, type EncoderProfile } from './encoder-profile.js';
import { zstdVersion } from './zstd.js';

/** The codec, by its name in the messages. */
export const CODEC = 'pages-2';
/** How far back a batch may refer, and so what each side keeps: the last 24 batches, a tenth of what a process may take. */
export const REFERENCE_BYTES = 24 * MAX_BATCH_BYTES;

/** What a source can do with the stream; part of `prepare`. */
export interface StreamOffer {
  readonly codecs: readonly string[];
  /** 0: no batch refers to any page that was sent before, and neither side keeps any. */
  readonly referenceBytes: number;
  readonly packings: readonly string[];
  readonly digests: readonly string[];
  /** DIGEST_KEY_BYTES, hex. */
  readonly digestKey: string;
}

/** What the destination chose of it; part of `prepared`. */
export interface StreamChoice {
  readonly codec: string;
  readonly referenceBytes: number;
  readonly packing: string;
  readonly digest: SparseAlgorithm;
}

/** The compression: chosen automatically, none, or zstd with the user's level. */
export type Compression = 'auto' | 'none' | { readonly level: number };

/** The offer that suits this processor; complete if the user has chosen the compression. */
export function profileFor(compression: Compression): EncoderProfile {
  return compression === 'auto' ? suitableProfile() : FULL_PROFILE;
}

/** What this host offers as a source. @param key DIGEST_KEY_BYTES, drawn for this migration */
export function offerStream(compression: Compression, key: Buffer): StreamOffer {
  return {
    codecs: [CODEC],
    referenceBytes: profileFor(compression).findPages ? REFERENCE_BYTES : 0,
    packings: compression !== 'none' && zstdVersion() !== undefined ? ['zstd'] : [],
    digests: knownDigests(),
    digestKey: key.toString('hex', 0, DIGEST_KEY_BYTES),
  };
}

/** How many batches back a batch may refer. */
export function referenceBatches({ referenceBytes }: Pick<StreamChoice, 'referenceBytes'>): number {
  return referenceBytes / MAX_BATCH_BYTES;
}

/** How many batches may be under way in a window: each counts as a whole one, whatever is in it. */
export function windowBatches(windowBytes: number): number {
  return Math.floor(windowBytes / MAX_BATCH_BYTES);
}

/** The destination's choice from an offer. Undefined: the stream is sent as it is, with SHA-256. */
export function chooseStream(offer: StreamOffer | undefined, windowBytes: number): StreamChoice | undefined {
  if (offer?.codecs.includes(CODEC) !== true || windowBatches(windowBytes) < 1) return undefined;
  const digest = knownDigests().find((one) => offer.digests.includes(one));
  const reference = Math.min(offer.referenceBytes, REFERENCE_BYTES);
  return {
    codec: CODEC,
    referenceBytes: reference - (reference % MAX_BATCH_BYTES),
    packing: offer.packings.includes('zstd') && zstdVersion() !== undefined ? 'zstd' : 'none',
    digest: digest ?? 'sparse-sha256',
  };
}

/**
 * What the destination chose, as far as it was offered.
 * @param windowBytes that both sides keep to; it must have room for a batch
 * @throws ProtocolError `E_PROTOCOL_STREAM` where it was not
 */
export function checkedChoice(choice: StreamChoice, windowBytes: number): StreamChoice {
  const { codec, referenceBytes, packing, digest } = choice;
  const wrong =
    codec !== CODEC
      ? `codec ${codec}`
      : referenceBytes > REFERENCE_BYTES || referenceBytes % MAX_BATCH_BYTES !== 0
        ? `${referenceBytes} bytes to refer to`
        : packing !== 'none' && (packing !== 'zstd' || zstdVersion() === undefined)
          ? `packing ${packing}`
          : knownDigests().includes(digest)
            ? windowBatches(windowBytes) > 0
              ? undefined
              : `batches for a window of ${windowBytes} bytes`
            : `digest ${digest}`;
  if (wrong === undefined) return choice;
  throw new ProtocolError('E_PROTOCOL_STREAM', `the destination chose ${wrong}, which was not offered`, {
    hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
  });
}
