import { ProtocolError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import { bounded, printableLine } from '../errors/printable.js';
import { LineSplitter } from './line-splitter.js';

/** What a side may receive: a schema, which throws where a value is none of its messages. */
export interface MessageSchema<T> {
  parse(value: unknown): T;
}

/** A message as a line of JSON, with its line end. */
export function messageLine(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts a byte stream into lines of JSON and checks each against the schema of what may come. */
export class MessageReader<T> {
  readonly #splitter: LineSplitter;

  /** @param limitBytes of one line; what is longer is refused before more of it is kept */
  constructor(
    private readonly schema: MessageSchema<T>,
    limitBytes: number,
  ) {
    this.#splitter = new LineSplitter(limitBytes);
  }

  /**
   * The messages whose lines end in this chunk.
   * @throws ProtocolError `E_PROTOCOL_LINE_TOO_LONG`; `E_PROTOCOL_MESSAGE` where a line is no JSON or none of the schema's messages
   */
  *push(chunk: Uint8Array): Generator<T, void, undefined> {
    for (const line of this.#splitter.push(chunk)) yield parseMessage(line, this.schema);
  }
}

function parseMessage<T>(line: string, schema: MessageSchema<T>): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch (cause) {
    throw new ProtocolError('E_PROTOCOL_MESSAGE', `a line is not a message: ${problemIn(cause)}`, {
      cause,
      hint: 'Make sure that only xenferry of one release uses this state folder, and restart its daemon after an update.',
    });
  }
}

/** The first problem that a schema found, with the field; else what JSON's parser reports. */
function problemIn(cause: unknown): string {
  const issues: unknown = cause instanceof Error && 'issues' in cause ? cause.issues : undefined;
  const first: unknown = Array.isArray(issues) ? issues[0] : undefined;
  if (typeof first !== 'object' || first === null || !('path' in first) || !('message' in first)) {
    return bounded(printableLine(messageOf(cause)));
  }
  const field = Array.isArray(first.path) ? first.path.map(String).join('.') : '';
  return bounded(printableLine(`${field === '' ? '' : `${field}: `}${String(first.message)}`));
}
