import { once } from 'node:events';
import type { Socket } from 'node:net';
import { DeadlineError } from '../errors/errors.js';
import { messageLine, MessageReader, type MessageSchema } from './message-lines.js';

/** Options of a channel. */
export interface ChannelOptions<In> {
  /** What the other side may send. */
  readonly receives: MessageSchema<In>;
  /** Most bytes of one line. */
  readonly limitBytes: number;
  /** For messages: `the daemon of this host`. */
  readonly peer: string;
}

/**
 * Messages over a unix socket between processes of one host, each a line of JSON: `In` is received and checked, `Out` is sent. The socket
 * is the channel's: disposing the channel destroys it.
 */
export class SocketChannel<In, Out extends object> implements Disposable {
  readonly #received: AsyncGenerator<In, void, undefined>;

  /** @param socket connected; taken over */
  constructor(
    private readonly socket: Socket,
    private readonly options: ChannelOptions<In>,
  ) {
    // A broken connection ends `next` and `received`; one that is not read from has nothing to report.
    socket.on('error', () => socket.destroy());
    this.#received = readMessages(socket, options);
  }

  /** Sends a message, unless the socket has been closed or ended. */
  send(message: Out): void {
    if (this.socket.writable) this.socket.write(messageLine(message));
  }

  /** Ends this direction; the other side still receives what was sent, and may send. */
  end(): void {
    this.socket.end();
  }

  /** Sends a last message, and destroys the socket once the kernel has it. */
  close(last: Out): void {
    this.socket.end(messageLine(last), () => this.socket.destroy());
  }

  /** Resolves when the other side's kernel has what was sent, or the socket is closed, or after `waitMs`; then destroys the socket. */
  async flush(waitMs: number): Promise<void> {
    const late = setTimeout(() => this.socket.destroy(), waitMs);
    if (!this.socket.writableFinished && !this.socket.closed) {
      // A broken connection has nothing left to flush.
      await Promise.race([once(this.socket, 'finish'), once(this.socket, 'close')]).catch(() => undefined);
    }
    clearTimeout(late);
    this.socket.destroy();
  }

  /** Bytes that were sent and that the other side has not taken. */
  get unreadBytes(): number {
    return this.socket.writableLength;
  }

  /** The other side can send no more. */
  get isEnded(): boolean {
    return this.socket.readableEnded || this.socket.destroyed;
  }

  /**
   * The next message; undefined when the other side has ended.
   * @param waitMs longest wait, after which the channel is of no use; undefined: without a limit of its own
   * @throws DeadlineError `E_DEADLINE_CHANNEL`; ProtocolError `E_PROTOCOL_MESSAGE`, `E_PROTOCOL_LINE_TOO_LONG`; the socket's error
   */
  async next(waitMs: number | undefined): Promise<In | undefined> {
    const late = waitMs === undefined ? undefined : setTimeout(() => this.socket.destroy(this.#late(waitMs)), waitMs);
    late?.unref();
    try {
      const next = await this.#received.next();
      return next.done === true ? undefined : next.value;
    } finally {
      clearTimeout(late);
    }
  }

  #late(waitMs: number): DeadlineError {
    return new DeadlineError('E_DEADLINE_CHANNEL', `${this.options.peer} sent no message within ${waitMs} ms`, {
      data: { waitMs },
    });
  }

  /** The messages until the other side ends. Throws as `next` does; a deadline is the caller's. */
  received(): AsyncGenerator<In, void, undefined> {
    return this.#received;
  }

  /** Destroys the socket; an error is what the one who waits for a message gets. */
  destroy(reason?: Error): void {
    this.socket.destroy(reason);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function* readMessages<In>(
  socket: Socket,
  { receives, limitBytes }: ChannelOptions<In>,
): AsyncGenerator<In, void, undefined> {
  const reader = new MessageReader(receives, limitBytes);
  const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) yield* reader.push(chunk);
}
