/** How the raw stream was encoded: bytes of it, except `deltaWireBytes`. */
export interface EncoderCounts {
  rawBytes: number;
  zeroBytes: number;
  copiedBytes: number;
  deltaBytes: number;
  /** Size of the deltas that were sent instead. */
  deltaWireBytes: number;
  /** Sent as it is, before compression. */
  dataBytes: number;
}

/** The agreed use of earlier pages. */
export interface BatchEncoderOptions {
  /** How many batches back a batch may refer to, as agreed; 0: to none, not even to itself. At most MAX_BACK. */
  readonly references: number;
  /** False: the stream is not examined, and is sent as bytes. */
  readonly findPages: boolean;
}

/** Most batches back that an encoder keeps account of; agreement allows fewer. */
export const MAX_BACK = 62;

/**
 * Makes batches of the raw stream, and lays each out in a slot of its memory (PROTOCOL.md, "Batches"). Two do, and make the same batches of
 * the same stream: one in WebAssembly, and one in TypeScript (`PageBatchEncoder`), whose comments have the rules.
 *
 * A batch depends on the stream and on where it was flushed (`finish` before it was full), not on the pieces in which the stream came. All places
 * are byte addresses in the encoder's memory, which the caller owns: where the raw stream is read into, and the slots. A slot must stay as
 * it is until its batch was sent and is more than `references` batches back.
 */
export interface BatchEncoder {
  /** Says where the next batch goes: SLOT_BYTES from there. To be called before the first `encode`, and after each `finish` that made a batch. */
  begin(slotAt: number): void;
  /** Takes the bytes from one address to another. Returns how many: less where the batch is `full`, or only part of a page is left. */
  encode(from: number, to: number): number;
  /** The same for what is left of a page when the stream has ended: it goes as bytes. */
  encodePart(from: number, to: number): number;
  /** The last `encode` stopped because its bytes need another batch. */
  readonly full: boolean;
  /** Bytes of the raw stream that the batch stands for so far; 0: there is none to finish. */
  readonly rawBytes: number;
  /** The stream has come to its END record: nothing is worth waiting for. */
  readonly atEnd: boolean;
  /** The zero pages of the last `encode`: pairs of an address and how many pages are zero from there. */
  readonly zeroRuns: Int32Array;
  readonly counts: Readonly<EncoderCounts>;
  /** Completes the batch. Returns the bytes of its payload, from the slot's first on; 0 where it is empty, and no batch is made. */
  finish(): number;
}
