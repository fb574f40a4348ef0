import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  encodeMessage,
  MessageReader,
  MOST_MESSAGE_BYTES,
  PROGRAM,
  PROGRAM_VERSION,
  STATUS,
  TYPE,
  type Message,
} from '../../src/libvirt/wire/message.js';
import {
  PROCEDURES,
  type Arguments,
  type Procedure,
  type ProcedureName,
  type Result,
} from '../../src/libvirt/wire/procedures.js';
import { remoteError } from '../../src/libvirt/wire/types.js';
import { decodeXdr, encodeXdr } from '../../src/libvirt/wire/xdr.js';

/** An error that the server sent. */
export class SentError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** A client of libvirt's protocol that says whatever a test wants it to say. */
export class LibvirtClient implements Disposable {
  /** Messages that are no answer: events, keepalive, streams. */
  readonly others: Message[] = [];
  readonly #reader = new MessageReader(MOST_MESSAGE_BYTES);
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #watchers = new Set<() => void>();
  #serial = 0;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const message of this.#reader.push(chunk)) {
        const waiting = message.type === TYPE.reply ? this.#waiting.get(message.serial) : undefined;
        if (waiting === undefined) this.others.push(message);
        else waiting(message);
      }
      for (const watch of this.#watchers) watch();
    });
    socket.on('error', () => undefined);
    socket.setMaxListeners(0); // each call waits for the end as well
  }

  static async connect(path: string): Promise<LibvirtClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new LibvirtClient(socket);
  }

  static async open(path: string, flags = 0): Promise<LibvirtClient> {
    const client = await LibvirtClient.connect(path);
    await client.call('connectOpen', { name: 'xen:///system', flags });
    return client;
  }

  /** Any bytes as the payload of a call of any number. */
  async raw(procedure: number, payload: Buffer, program: number = PROGRAM.remote): Promise<Message> {
    const serial = this.#serial;
    this.#serial += 1;
    const answered = new Promise<Message>((resolve, reject) => {
      this.#waiting.set(serial, resolve);
      this.socket.once('close', () => {
        reject(new Error('the server closed the connection'));
      });
    });
    const header = { program, version: PROGRAM_VERSION, procedure, type: TYPE.call, serial, status: STATUS.ok };
    this.socket.write(encodeMessage(header, payload));
    return answered;
  }

  /** @throws SentError */
  async call<N extends ProcedureName>(name: N, args: Arguments<N>): Promise<Result<N>> {
    const { number, args: type, result }: Procedure<unknown, unknown> = PROCEDURES[name];
    const answer = await this.raw(number, encodeXdr(type, args));
    if (answer.status === STATUS.ok) return decodeXdr(result, answer.payload) as Result<N>;
    const { code, message } = decodeXdr(remoteError, answer.payload);
    throw new SentError(code, message ?? '');
  }

  /** Resolves with the first message that is no answer and that matches. */
  async other(is: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.others.find(is);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const watch = (): void => {
          this.#watchers.delete(watch);
          resolve();
        };
        this.#watchers.add(watch);
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
