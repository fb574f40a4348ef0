import type { Socket } from 'node:net';
import { ProtocolError } from '../../errors/errors.js';

const MAX_LINE_BYTES = 64 * 1024;

/**
 * The lines received on a socket, each within its bound; ends with the socket. Leaving the loop destroys the socket.
 */
export async function* socketLines(socket: Socket, maxBytes = MAX_LINE_BYTES): AsyncGenerator<string, void, undefined> {
  let held = '';
  socket.setEncoding('utf8');
  for await (const chunk of socket as AsyncIterable<string>) {
    held += chunk;
    for (let at = held.indexOf('\n'); at >= 0; at = held.indexOf('\n')) {
      yield held.slice(0, at);
      held = held.slice(at + 1);
    }
    if (held.length > maxBytes) {
      throw new ProtocolError('E_PROTOCOL_JOB_LINE', `a line on a unix socket is longer than ${maxBytes} bytes`);
    }
  }
}
