import type { TLSSocket } from 'node:tls';
import type { Link } from './link.js';
import type { PeerIdentity } from './peer-identity.js';

/** A link over a TLS connection whose peer has been verified. Owns the socket. */
export class TlsLink implements Link {
  readonly peer: PeerIdentity;
  readonly duplex: TLSSocket;

  constructor(socket: TLSSocket, peer: PeerIdentity) {
    this.duplex = socket;
    this.peer = peer;
    socket.setNoDelay(true); // ACKs and control messages must not wait for company
    // Until there is a listener, a broken connection must not end the process; `destroyed` shows it.
    socket.on('error', () => undefined);
  }

  destroy(error?: Error): void {
    this.duplex.destroy(error);
  }
}
