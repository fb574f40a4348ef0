/** Who is at the other end, as the transport has proven it. */
export interface PeerIdentity {
  readonly transport: 'tls' | 'ssh';
  /** The certificate's first name, or user@host for ssh. */
  readonly name: string;
  /** SHA-256 of the peer's certificate or host key, where the transport has one. */
  readonly fingerprint?: string;
  /** Address and port, for people. */
  readonly address: string;
}
