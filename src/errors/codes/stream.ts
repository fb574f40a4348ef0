import { rows } from './row.js';

/** A save stream that breaks its format. */
export const STREAM_CODES = rows('StreamError', 1, {
  E_STREAM_COMPRESSED: [
    'The save file is compressed, and the decompression program failed on it.',
    'Compare the file with its original: it is damaged or incomplete.',
  ],
  E_STREAM_COUNT: [
    'A page record counts no pages, or more than the format allows.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_DIGEST: [
    'The digest of the stream at the destination differs from that at the source, so the copy was discarded.',
    'Migrate again: the guest stayed at the source; report it if it happens twice.',
  ],
  E_STREAM_FIELD: [
    'A field of a record has a value that the format does not allow.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_IDENT: [
    'The data does not start like a libxl or libxc save stream.',
    'Check that the file was written by `xenferry save` or `xl save`.',
  ],
  E_STREAM_LENGTH: [
    'A record is longer or shorter than its type allows.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_ORDER: [
    'A record appears at a place in the stream where it is not allowed.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_PADDING: [
    'The padding of a record is not zero.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_PAGE_TYPE: [
    'A page has a type that Xen does not define.',
    'Compare the stream with its original; if it is intact, report the program that wrote it.',
  ],
  E_STREAM_RECORD: [
    'A mandatory record has a type that is unknown or never valid.',
    'Check that the stream comes from a supported Xen release and not from Remus or COLO.',
  ],
  E_STREAM_RESERVED: [
    'A reserved field or bit is set.',
    'Check that the stream comes from a supported Xen release; if so, it is damaged.',
  ],
  E_STREAM_SAVE_FILE: [
    'The header of the save file is damaged, incomplete or of an unknown kind.',
    'Use a file written by `xenferry save` or `xl save`, or give `--xml` with a bare libxl stream.',
  ],
  E_STREAM_TRAILING: ['Data follows the end of the save stream.', 'Check that the file holds exactly one save image.'],
  E_STREAM_TRUNCATED: [
    'The save stream ended before its last record.',
    'Look for the reason where it was written: the writer failed, or the file is incomplete.',
  ],
  E_STREAM_VERSION: [
    'The save stream has a version that is not supported.',
    'Save or send the guest from a supported Xen release.',
  ],
});
