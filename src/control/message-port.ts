/** Carries whole messages, in order, encrypted: the tunnel's message channel. */
export interface MessagePort {
  /** Resolves when the message has been handed to the transport. */
  send(payload: Uint8Array): Promise<void>;
  /** The next message; undefined at a clean end. Rejects when the link breaks or the signal fires. */
  receive(signal: AbortSignal): Promise<Uint8Array | undefined>;
}
