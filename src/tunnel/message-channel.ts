import { Deadline, orAborted } from '../errors/deadline.js';
import { DeadlineError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Condition } from './condition.js';
import { FrameType, MAX_MESSAGE_BYTES, bareFrame, frameName, type Frame } from './frame.js';
import type { FramedLink } from './lane-link.js';
import { linkClosed } from './link-errors.js';
import type { PeerIdentity } from './peer-identity.js';
import { connectionGone, dialUntil, mayHeal } from './reconnecting.js';
import { UnackedMessages } from './unacked-messages.js';

/** A new link for the same conversation, and how many of our messages the far end had by then. */
export interface Resumed {
  readonly link: FramedLink;
  readonly heard: number;
}

export interface MessageChannelOptions {
  /** How long it outlives a lost link, in ms. 0, the default: not at all. */
  readonly reconnectMs?: number;
  /**
   * The side that dialled: makes the new link, with the number of messages received from the far end. If it is
   * absent, the new link comes by `adopt`.
   */
  readonly redial?: (heard: number, signal: AbortSignal) => Promise<Resumed>;
  readonly onLost?: (error: Error) => void;
  readonly onBack?: () => void;
}

/**
 * Whole messages, in order, over a link of their own, so that they never wait behind data. The link
 * must be open (`FrameLink.open` or `answer`). Owns the link, and the ones that take its place: a message is
 * kept until the far end has it, so that none is lost or received twice when a link breaks. Reading is what keeps a
 * channel going: a caller must be in `receive`.
 */
export class MessageChannel {
  readonly peer: PeerIdentity;
  readonly #options: MessageChannelOptions;
  readonly #reconnectMs: number;
  readonly #unacked = new UnackedMessages();
  readonly #changed = new Condition();
  readonly #over = new AbortController();
  #link: FramedLink | undefined;
  #heard = 0;
  #lastError: Error | undefined;
  #failure: Error | undefined;

  constructor(link: FramedLink, options: MessageChannelOptions = {}) {
    this.peer = link.peer;
    this.#link = link;
    this.#options = options;
    this.#reconnectMs = options.reconnectMs ?? 0;
  }

  /** Whether it has a link at the moment. */
  get connected(): boolean {
    return this.#link !== undefined;
  }

  /**
   * Resolves when the message has been handed to the transport, or is kept for the link to come. At most
   * `MAX_MESSAGE_BYTES`, at least one byte. Rejects when the channel has ended.
   */
  async send(payload: Uint8Array): Promise<void> {
    if (payload.length === 0 || payload.length > MAX_MESSAGE_BYTES) {
      const problem = `a message of ${payload.length} bytes; 1 to ${MAX_MESSAGE_BYTES} are allowed`;
      throw new ProtocolError('E_PROTOCOL_MESSAGE_SIZE', problem, { data: { bytes: payload.length } });
    }
    this.#check();
    const link = this.#link;
    if (this.#reconnectMs === 0) {
      await link?.send(this.#unacked.number(payload));
      return;
    }
    const frame = this.#unacked.keep(payload, this.peer.address);
    // If the link breaks meanwhile, `receive` sends the message over the next one.
    await link?.send(frame).catch(() => undefined);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * The next message; undefined after the peer's BYE. Rejects with the error that ended the channel: the link's `TunnelError`
   * if it could not be replaced in time, or a `ProtocolError`; or with the signal's reason (the channel stays usable).
   */
  async receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      this.#check();
      const link = this.#link ?? (await this.#reconnected(signal));
      let frame: Frame | undefined;
      try {
        frame = await link.receive(signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (link === this.#link) this.#broken(link, asError(error));
        continue;
      }
      if (link !== this.#link) continue; // another link took its place while we waited
      if (frame === undefined) return undefined;
      const message = this.#take(frame, link);
      if (message !== undefined) return message;
    }
  }

  /** Drops the link because a new one is about to replace it: frames that still arrive are ignored. */
  detach(): number {
    const link = this.#link;
    this.#link = undefined;
    link?.destroy(new TunnelError('E_TUNNEL_CLOSED', 'a new connection took its place'));
    return this.#heard;
  }

  /** Continues over a new link, which is open. @param heard number of our messages that the far end has received */
  adopt({ link, heard }: Resumed): void {
    if (this.#failure !== undefined) {
      link.destroy(this.#failure);
      return;
    }
    const again = this.#unacked.after(heard);
    if (again === undefined) {
      const problem = `${this.peer.address} says that it heard ${heard} messages, which does not fit what was sent`;
      this.destroy(new ProtocolError('E_PROTOCOL_RESUME', problem, { data: { heard } }));
      link.destroy(this.#failure);
      return;
    }
    this.#link = link;
    for (const frame of again) link.send(frame).catch(() => undefined); // a link that breaks again is replaced again
    this.#changed.notifyAll();
  }

  /** Says goodbye; cuts the connection after the deadline. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    const link = this.#link;
    this.#failure ??= linkClosed(this.peer.address);
    this.#over.abort();
    this.#changed.notifyAll();
    await link?.close(deadlineMs);
  }

  /** Cuts the connection now. */
  destroy(error?: Error): void {
    this.#failure ??= error ?? linkClosed(this.peer.address);
    this.#over.abort();
    this.#link?.destroy(error);
    this.#changed.notifyAll();
  }

  /** The message in a frame; undefined for other frames. */
  #take(frame: Frame, link: FramedLink): Uint8Array | undefined {
    const isAck = frame.type === FrameType.ACK && this.#reconnectMs > 0;
    if (isAck && this.#unacked.acknowledge(frame.sequence)) return undefined;
    if (frame.type !== FrameType.MESSAGE || frame.sequence !== this.#heard) {
      const got = `${frameName(frame.type)} ${frame.sequence}`;
      const error = new ProtocolError(
        'E_PROTOCOL_FRAME_SEQUENCE',
        `${this.peer.address}: expected MESSAGE ${this.#heard}, got ${got}`,
        { data: { expected: this.#heard, got } },
      );
      this.destroy(error);
      throw error;
    }
    this.#heard += 1;
    if (this.#reconnectMs > 0) link.send(bareFrame(FrameType.ACK, this.#heard)).catch(() => undefined); // `receive` gets the error
    return frame.payload;
  }

  #broken(link: FramedLink, error: Error): void {
    this.#link = undefined;
    link.destroy(error);
    if (this.#reconnectMs === 0 || !mayHeal(error)) {
      this.destroy(error);
      return;
    }
    this.#lastError = error;
    this.#options.onLost?.(error);
  }

  /** The replacement of the lost link: dialled, or waited for. Rejects with the error that ended the channel. */
  async #reconnected(signal: AbortSignal): Promise<FramedLink> {
    const either = AbortSignal.any([signal, this.#over.signal]);
    using deadline = new Deadline(either, this.#reconnectMs, 'E_DEADLINE_CONNECT', 'connecting again');
    try {
      if (this.#options.redial !== undefined) await this.#redial(this.#options.redial, deadline.signal);
      while (this.#link === undefined) {
        this.#check();
        await orAborted(this.#changed.wait(), deadline.signal);
      }
      this.#options.onBack?.();
      return this.#link;
    } catch (error) {
      signal.throwIfAborted();
      this.destroy(
        error instanceof DeadlineError ? connectionGone(this.#reconnectMs, this.#lastError) : asError(error),
      );
      throw this.#failure ?? asError(error);
    }
  }

  async #redial(redial: NonNullable<MessageChannelOptions['redial']>, signal: AbortSignal): Promise<void> {
    const resumed = await dialUntil((attempt) => redial(this.#heard, attempt), {
      signal,
      onFailed: (error) => {
        this.#lastError = error;
      },
    });
    this.adopt(resumed);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
