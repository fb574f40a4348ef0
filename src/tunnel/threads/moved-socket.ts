import type { Socket } from 'node:net';

/**
 * A descriptor of a socket's connection, which the caller owns; the socket is destroyed, and the connection lives on. Nothing may have
 * been read from it. Undefined where the socket has none any more, and is left alone.
 * @param duplicateFd makes a second, close-on-exec descriptor
 */
export function takeDescriptor(socket: Socket, duplicateFd: (fd: number) => number): number | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  socket.setNoDelay(true); // ACKs and control messages must not wait for company
  const copy = duplicateFd(fd);
  socket.destroy(); // closes its own descriptor only
  return copy;
}

/** Node has no public API for a socket's descriptor; its handle has had it since the first versions. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
