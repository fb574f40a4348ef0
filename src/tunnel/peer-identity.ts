/** Who is at the other end, as the transport has proven it. */
export interface PeerIdentity {
  readonly transport: 'tls' | 'ssh';
  /** The certificate's first DNS name or address, or user@host for ssh. */
  readonly name: string;
  /** SHA-256 of the peer's certificate or host key, if the transport has one. */
  readonly fingerprint?: string;
  /**
   * The public key that the transport has proven, `SHA256:` and base64: that of the certificate (SPKI), or for an ssh login those
   * that sshd says it used. Absent if the transport has none. Links and conversations belong to it; names outlive it.
   */
  readonly key?: string;
  /** Address and port, for people. */
  readonly address: string;
}
