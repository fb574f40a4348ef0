import { StreamError } from '../../../src/errors/errors.js';
import { SaveStreamParser, type StreamRecord } from '../../../src/savestream/parser.js';

/** Everything the parser says of the bytes, in chunks of the given sizes in turn, as text. */
export function transcript(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): string[] {
  const said: string[] = [];
  let body: string[] = [];
  const parser = new SaveStreamParser({
    libxlHeader: (header) => said.push(`libxl ${JSON.stringify(header)}`),
    imageHeader: (header) => said.push(`image ${JSON.stringify(header)}`),
    domainHeader: (header) => said.push(`domain ${JSON.stringify(header)}`),
    record: (record) => said.push(`${record.layer} ${record.name} ${record.length} at ${record.offset}`),
    body: (_record, piece) => body.push(Buffer.from(piece).toString('hex')),
    pages: (_record, pfns, types, count) =>
      said.push(`pages ${[...pfns.subarray(0, count)].join()} ${[...types.subarray(0, count)].join()}`),
    page: (pfn, type, page) => said.push(`page ${pfn} ${type} ${page.length} ${page[0]} ${page[4095]}`),
    recordEnd: () => {
      said.push(`end ${body.join('')}`);
      body = [];
    },
  });
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length]);
    parser.push(bytes.subarray(at, at + size));
    at += size;
  }
  parser.end();
  return said;
}

/** What the parser has against the bytes; any other failure than a StreamError is thrown. */
export function errorOf(bytes: Uint8Array, chunk = bytes.length): StreamError | undefined {
  try {
    const parser = new SaveStreamParser();
    for (let at = 0; at < bytes.length; at += chunk) parser.push(bytes.subarray(at, at + chunk));
    parser.end();
    return undefined;
  } catch (error) {
    if (error instanceof StreamError) return error;
    throw error;
  }
}

/** The records of a good stream, with their places. */
export function recordsOf(bytes: Uint8Array): StreamRecord[] {
  const records: StreamRecord[] = [];
  const parser = new SaveStreamParser({ record: (record) => records.push(record) });
  parser.push(bytes);
  parser.end();
  return records;
}
