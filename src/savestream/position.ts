import { StreamError } from '../errors/errors.js';

/** Where in the stream something is: for error messages. */
export interface Position {
  /** Bytes from the start of the stream to the record, or to the header. */
  readonly offset: number;
  /** `record 17 PAGE_DATA`, or a header's name. */
  readonly what: string;
}

/** `offset 0x1f40, record 17 PAGE_DATA: count 5000 over the limit 1024` */
export function streamError(code: `E_STREAM_${string}`, at: Position, why: string): StreamError {
  return new StreamError(code, `offset 0x${at.offset.toString(16)}, ${at.what}: ${why}`, {
    data: { offset: at.offset, what: at.what },
  });
}
