import { TunnelError } from '../errors/errors.js';
import { FrameType, type Frame } from './frame.js';

/** A peer that lets more than this pile up does not read, or lies. A handshake has two under way. */
const MOST_MESSAGES = 64;
const MOST_BYTES = 16 * 1024 * 1024;

/** Messages that were sent and not acknowledged, numbered over all links of a conversation. */
export class UnackedMessages {
  readonly #frames: Frame[] = [];
  #bytes = 0;
  #sent = 0;

  /** The next message, as a frame; not kept. */
  number(payload: Uint8Array): Frame {
    const frame: Frame = { type: FrameType.MESSAGE, sequence: this.#sent, offset: 0, payload };
    this.#sent += 1;
    return frame;
  }

  /** The next message, as a frame; kept. Throws where too many are kept already. */
  keep(payload: Uint8Array, peer: string): Frame {
    if (this.#frames.length >= MOST_MESSAGES || this.#bytes + payload.length > MOST_BYTES) {
      throw new TunnelError('E_TUNNEL_UNHEARD', `${peer} does not hear: ${this.#frames.length} messages wait for it`, {
        hint: 'The far end hangs or breaks the protocol: see its log.',
        data: { messages: this.#frames.length, bytes: this.#bytes },
      });
    }
    const frame = this.number(payload);
    this.#frames.push(frame);
    this.#bytes += payload.length;
    return frame;
  }

  /** The far end has received this many. False if that is impossible. */
  acknowledge(heard: number): boolean {
    if (heard > this.#sent || heard < this.#sent - this.#frames.length) return false;
    while (this.#frames.length > this.#sent - heard) this.#bytes -= this.#frames.shift()?.payload.length ?? 0;
    return true;
  }

  /** Messages to send again to a far end that has received this many; undefined if that is impossible. */
  after(heard: number): readonly Frame[] | undefined {
    return this.acknowledge(heard) ? this.#frames.slice() : undefined;
  }
}
