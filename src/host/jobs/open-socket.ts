import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ShortSocketPath } from './short-socket-path.js';

/** A connection to a unix socket; undefined if no process listens. */
export async function openSocket(path: string): Promise<Socket | undefined> {
  using short = openFolder(path);
  if (short === undefined) return undefined;
  const socket = connect(short.path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    socket.destroy();
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ECONNREFUSED: the process that bound it is dead, or has stopped listening. EAGAIN: its queue of connections is
    // full.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EAGAIN') return undefined;
    throw error;
  }
}

function openFolder(path: string): ShortSocketPath | undefined {
  try {
    return new ShortSocketPath(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
