import { Deadline } from '../errors/deadline.js';
import { ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { fromWire } from '../errors/wire.js';
import { decodeWith, encode, envelopeSchema, type Notice, type Reply, type Request } from './messages.js';
import type { MessagePort } from './message-port.js';

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** The source's end of a control link: requests with numbers, replies to them, notices in between. */
export class Requester implements AsyncDisposable {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  #nextId = 1;
  #lost: Error | undefined;

  /**
   * @param onNotice called for each notice, in order
   * @param onLost called once, when the link has ended and no further reply can come
   */
  constructor(
    port: MessagePort,
    private readonly peer: string,
    private readonly onNotice: (notice: Notice) => void,
    private readonly onLost: (error: Error) => void,
  ) {
    this.#port = port;
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const error = await this.#readUntilLost().catch(asError);
    this.#lost = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    this.onLost(error);
  }

  async #readUntilLost(): Promise<Error> {
    for (;;) {
      const bytes = await this.#port.receive(this.#stop.signal);
      if (bytes === undefined) {
        return new TunnelError('E_TUNNEL_CLOSED', `${this.peer} closed the control connection`);
      }
      this.#take(bytes);
    }
  }

  #take(bytes: Uint8Array): void {
    const envelope = decodeWith(envelopeSchema, bytes, `message from ${this.peer}`);
    if ('notice' in envelope) {
      this.onNotice(envelope.notice);
      return;
    }
    if ('request' in envelope) {
      throw new ProtocolError('E_PROTOCOL_ROLE', `${this.peer} sent a request on a link where it may only answer`);
    }
    const waiting = this.#waiting.get(envelope.re);
    // A reply without a waiting request is late: the deadline of the request has passed.
    if (waiting === undefined) return;
    this.#waiting.delete(envelope.re);
    if (envelope.reply.type === 'error') waiting.reject(fromWire(envelope.reply.error));
    else waiting.resolve(envelope.reply);
  }

  /**
   * Sends a request and waits for its reply.
   * @throws DeadlineError, TunnelError, the signal's reason, or the error that the peer reports
   */
  async request<T extends Reply['type']>(
    request: Request,
    expected: readonly T[],
    wait: { readonly signal: AbortSignal; readonly ms: number },
  ): Promise<Extract<Reply, { type: T }>> {
    if (this.#lost !== undefined) throw this.#lost;
    using deadline = new Deadline(wait.signal, wait.ms, 'E_DEADLINE_PEER', `${request.type} at ${this.peer}`);
    deadline.signal.throwIfAborted();
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = promiseParts<Reply>();
    const onAbort = (): void => {
      this.#waiting.delete(id);
      reject(deadline.signal.reason);
    };
    this.#waiting.set(id, { resolve, reject });
    deadline.signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#port.send(encode({ id, request })).catch(reject);
      const reply = await promise;
      if (isOneOf(reply, expected)) return reply;
      throw new ProtocolError('E_PROTOCOL_REPLY', `${this.peer} answered ${request.type} with ${reply.type}`);
    } finally {
      this.#waiting.delete(id);
      deadline.signal.removeEventListener('abort', onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new TunnelError('E_TUNNEL_CLOSED', 'the control connection was closed here'));
    await this.#reading;
  }
}

/** Whether a reply is of one of the expected types. */
export function isOneOf<T extends Reply['type']>(
  reply: Reply,
  types: readonly T[],
): reply is Extract<Reply, { type: T }> {
  return (types as readonly string[]).includes(reply.type);
}

function promiseParts<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
