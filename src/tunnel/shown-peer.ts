import type { PeerCertificate, TLSSocket } from 'node:tls';

/** What a TLS handshake has shown of the peer, by `node:tls` or by libssl. */
export interface ShownPeer {
  readonly certificate: PeerCertificate | undefined;
  /** OpenSSL's verdict on the chain, by Node's name; undefined where it is good. */
  readonly verdict: string | undefined;
  /** The protocol that was agreed on (ALPN). */
  readonly protocol: string | undefined;
}

/** What the handshake of this socket has shown, to be judged. */
export function shownBy(socket: TLSSocket): ShownPeer {
  const good = socket.authorized && !socket.isSessionReused();
  return {
    certificate: peerCertificate(socket),
    verdict: good ? undefined : verdictOf(socket),
    protocol: socket.alpnProtocol === false ? undefined : (socket.alpnProtocol ?? undefined),
  };
}

/** OpenSSL's verdict on the peer's certificate, by Node's name for it. */
function verdictOf(socket: TLSSocket): string {
  // Node keeps the code here, contrary to its types.
  const verdict: unknown = socket.authorizationError;
  if (typeof verdict === 'string') return verdict;
  if (verdict instanceof Error)
    return 'code' in verdict && typeof verdict.code === 'string' ? verdict.code : verdict.message;
  return 'unknown';
}

/** The peer's certificate, or undefined if it sent none. */
function peerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  // Node returns an empty object or null, contrary to its types, when there is no certificate.
  const certificate: unknown = socket.getPeerCertificate();
  if (typeof certificate !== 'object' || certificate === null || !('raw' in certificate)) return undefined;
  return socket.getPeerCertificate();
}
