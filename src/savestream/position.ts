import { StreamError } from '../errors/errors.js';

/** A position in the stream, for error messages. */
export interface Position {
  /** Bytes from the start of the stream to the record, or to the header. */
  readonly offset: number;
  /** `record 17 PAGE_DATA`, or a header's name. */
  readonly what: string;
  /** The record's number, counted over both layers from 0; absent for headers. */
  readonly index?: number;
}

export type StreamErrorCode =
  | 'E_STREAM_IDENT'
  | 'E_STREAM_VERSION'
  | 'E_STREAM_RESERVED'
  | 'E_STREAM_FIELD'
  | 'E_STREAM_LENGTH'
  | 'E_STREAM_COUNT'
  | 'E_STREAM_PAGE_TYPE'
  | 'E_STREAM_PADDING'
  | 'E_STREAM_RECORD'
  | 'E_STREAM_ORDER'
  | 'E_STREAM_TRUNCATED'
  | 'E_STREAM_TRAILING';

const DAMAGED = 'The stream was damaged on its way, or its writer broke the format: compare it with the original.';
const HINTS: Partial<Record<StreamErrorCode, string>> = {
  E_STREAM_IDENT: 'A save stream starts with "LibxlFmt"; a file of `xl save` has a header of its own before it.',
  E_STREAM_VERSION: 'Save it again with a Xen that writes libxl streams of version 2, which is 4.6 or later.',
  E_STREAM_RECORD: 'It may come from a newer Xen than this program knows, or be damaged.',
  E_STREAM_TRUNCATED: 'Something ended while it was written or copied: save or copy it again.',
  E_STREAM_TRAILING: 'Cut off what follows the stream, or give the two files separately.',
};

/** `offset 0x1f40, record 17 PAGE_DATA: count 5000 over the limit 1024` */
export function streamError(code: StreamErrorCode, at: Position, why: string): StreamError {
  const { offset, what, index } = at;
  return new StreamError(code, `offset 0x${offset.toString(16)}, ${what}: ${why}`, {
    hint: HINTS[code] ?? DAMAGED,
    data: { offset, what, record: index ?? null },
  });
}
