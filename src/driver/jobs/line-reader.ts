import type { Socket } from 'node:net';
import { ProtocolError } from '../../errors/errors.js';
import { MAX_JOB_LINE_BYTES } from './job-messages.js';

/** The lines that come in on a socket, each within its bound; ends with the socket. Breaking off destroys it. */
export async function* socketLines(socket: Socket): AsyncGenerator<string, void, undefined> {
  let held = '';
  socket.setEncoding('utf8');
  for await (const chunk of socket as AsyncIterable<string>) {
    held += chunk;
    for (let at = held.indexOf('\n'); at >= 0; at = held.indexOf('\n')) {
      yield held.slice(0, at);
      held = held.slice(at + 1);
    }
    if (held.length > MAX_JOB_LINE_BYTES) {
      throw new ProtocolError(
        'E_PROTOCOL_JOB_LINE',
        `a line on a job's socket is longer than ${MAX_JOB_LINE_BYTES} bytes`,
      );
    }
  }
}
