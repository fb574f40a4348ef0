import { ProtocolError } from '../errors/errors.js';
import { toWire } from '../errors/wire.js';
import { decodeWith, encode, envelopeSchema, type Notice, type Reply, type Request } from './messages.js';
import type { MessagePort } from './message-port.js';

/** A peer that asks for more than this at once breaks the protocol: the handshake needs two. */
const MAX_OPEN_REQUESTS = 16;

/** The destination's end of a control link: answers requests, several at a time, and may send notices. */
export class Responder {
  readonly #port: MessagePort;
  #open = 0;

  constructor(
    port: MessagePort,
    private readonly peer: string,
    private readonly answer: (request: Request) => Promise<Reply>,
  ) {
    this.#port = port;
  }

  /**
   * Serves until the peer ends the link cleanly. Rejects when it breaks, or breaks the protocol, or the signal fires.
   */
  async serve(signal: AbortSignal): Promise<void> {
    for (;;) {
      const bytes = await this.#port.receive(signal);
      if (bytes === undefined) return;
      const envelope = decodeWith(envelopeSchema, bytes, `message from ${this.peer}`);
      if (!('request' in envelope)) {
        throw new ProtocolError('E_PROTOCOL_ROLE', `${this.peer} sent an answer on a link where it may only ask`);
      }
      if (this.#open >= MAX_OPEN_REQUESTS) {
        throw new ProtocolError('E_PROTOCOL_FLOOD', `${this.peer} has more than ${MAX_OPEN_REQUESTS} open requests`);
      }
      this.#open += 1;
      void this.#reply(envelope.id, envelope.request);
    }
  }

  async #reply(id: number, request: Request): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.answer(request);
    } catch (error) {
      reply = { type: 'error', error: toWire(error) };
    }
    this.#open -= 1;
    await this.#port.send(encode({ re: id, reply })).catch(() => undefined); // the link broke: `serve` rejects
  }

  /** Best effort: a broken link has the same effect at the source. */
  notify(notice: Notice): void {
    this.#port.send(encode({ notice })).catch(() => undefined);
  }
}
