import { ProtocolError } from '../errors/errors.js';
import type { FrameLink } from './frame-link.js';
import { FrameType, MAX_MESSAGE_BYTES, frameName } from './frame.js';
import type { PeerIdentity } from './link.js';

/**
 * Whole messages, in order, over a link of their own, so that they never wait behind data. The link
 * must be open (`FrameLink.open` or `answer`). Owns the link.
 */
export class MessageChannel {
  readonly #link: FrameLink;
  #sent = 0;
  #received = 0;

  constructor(link: FrameLink) {
    this.#link = link;
  }

  get peer(): PeerIdentity {
    return this.#link.peer;
  }

  /** Resolves when the message has been handed to the transport. At most `MAX_MESSAGE_BYTES`, at least one byte. */
  async send(payload: Uint8Array): Promise<void> {
    if (payload.length === 0 || payload.length > MAX_MESSAGE_BYTES) {
      const problem = `a message of ${payload.length} bytes; 1 to ${MAX_MESSAGE_BYTES} are allowed`;
      throw new ProtocolError('E_PROTOCOL_MESSAGE_SIZE', problem, { data: { bytes: payload.length } });
    }
    const sequence = this.#sent;
    this.#sent += 1;
    await this.#link.send({ type: FrameType.MESSAGE, sequence, offset: 0, payload });
  }

  /**
   * The next message; undefined after the peer's goodbye. Rejects with the link's `TunnelError` or
   * `ProtocolError` when it broke, or with the signal's reason (the channel stays usable).
   */
  async receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const frame = await this.#link.receive(signal);
    if (frame === undefined) return undefined;
    if (frame.type !== FrameType.MESSAGE || frame.sequence !== this.#received) {
      const got = `${frameName(frame.type)} ${frame.sequence}`;
      const error = new ProtocolError(
        'E_PROTOCOL_FRAME_SEQUENCE',
        `${this.#link.peer.address}: expected MESSAGE ${this.#received}, got ${got}`,
        { data: { expected: this.#received, got } },
      );
      this.#link.destroy(error);
      throw error;
    }
    this.#received += 1;
    return frame.payload;
  }

  /** Says goodbye; cuts the connection after the deadline. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    await this.#link.close(deadlineMs);
  }

  /** Cuts the connection now. */
  destroy(error?: Error): void {
    this.#link.destroy(error);
  }
}
