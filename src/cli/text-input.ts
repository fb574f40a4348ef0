import process from 'node:process';
import { UsageError } from '../api/errors.js';
import { readUserFile } from './user-file.js';

/** The text of a file, or of standard input for `-`, no longer than `maxBytes`. @throws UsageError `E_USAGE_FILE` */
export async function textInput(file: string, maxBytes: number): Promise<string> {
  if (file !== '-') return readUserFile(file, maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new UsageError('E_USAGE_FILE', `standard input is longer than ${maxBytes} bytes`, {
        hint: 'The input is too long; use a shorter one.',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
