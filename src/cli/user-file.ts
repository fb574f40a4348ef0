import { closeSync } from 'node:fs';
import { UsageError } from '../api/errors.js';
import { openToRead, readAvailable, decodeXml } from '../api/internal/user-files.js';

/** Far more than any text that a verb reads. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * The text of a file that the user names. It may be a pipe or a descriptor, whose length is unknown: it is read no further than
 * `maxBytes`.
 * @throws UsageError `E_USAGE_FILE`
 */
export function readUserFile(path: string, maxBytes = MAX_FILE_BYTES): string {
  return readUserBytes(path, maxBytes).toString('utf8');
}

/** The XML of a file that the user names, in the encoding that it declares. @throws UsageError `E_USAGE_FILE`; XmlError `E_XML_ENCODING` */
export function readUserXml(path: string, maxBytes = MAX_FILE_BYTES): string {
  return decodeXml(readUserBytes(path, maxBytes));
}

/** The bytes of a file that the user names. @throws UsageError `E_USAGE_FILE` */
export function readUserBytes(path: string, maxBytes = MAX_FILE_BYTES): Buffer {
  try {
    const fd = openToRead(path);
    try {
      return readAll(fd, maxBytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new UsageError('E_USAGE_FILE', `cannot read ${path}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}

function readAll(fd: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = Buffer.alloc(Math.min(65_536, maxBytes + 1 - bytes));
    const got = readAvailable(fd, chunk);
    if (got === 0) return Buffer.concat(chunks);
    bytes += got;
    if (bytes > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    chunks.push(chunk.subarray(0, got));
  }
}
