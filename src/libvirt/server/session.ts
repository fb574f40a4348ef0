import type { Duplex } from 'node:stream';
import { ProtocolError, RefusedError, UsageError, XenferryError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { HOST_CALLS } from '../calls/calls.js';
import { refOf, type CallContext, type Role } from '../calls/call.js';
import { wireError } from '../calls/error-numbers.js';
import {
  encodeMessage,
  MessageReader,
  MOST_MESSAGE_BYTES,
  MOST_READER_MESSAGE_BYTES,
  PROGRAM,
  PROGRAM_VERSION,
  STATUS,
  TYPE,
  type Message,
  type MessageHeader,
} from '../wire/message.js';
import {
  PROCEDURES,
  procedureNamed,
  type Access,
  type Arguments,
  type Procedure,
  type ProcedureName,
  type Result,
} from '../wire/procedures.js';
import { remoteError } from '../wire/types.js';
import { decodeXdr, encodeXdr } from '../wire/xdr.js';
import { EventCallbacks } from './event-callbacks.js';
import type { EventMessage } from './event-messages.js';

/** Calls of one client under way at once; a client of libvirt has one or two, and one that keeps to a call for minutes. */
const MOST_CALLS = 64;
/** Payloads of one client's calls under way, in bytes: two of the longest messages of its role. */
const MOST_CALL_BYTES = { admin: 2 * MOST_MESSAGE_BYTES, reader: 2 * MOST_READER_MESSAGE_BYTES } as const;
/** A client that does not open its connection in time is disconnected. */
const OPEN_MS = 30_000;
/** Most unread events of a client; with more, it is disconnected. */
const MOST_UNREAD_BYTES = 8 * 1024 * 1024;
const KEEPALIVE = { ping: 1, pong: 2 } as const;
/** Interval of keepalive messages to a client that answers them, and how many unanswered ones disconnect it. */
const PING_EVERY_MS = 5000;
const MOST_UNANSWERED_PINGS = 5;

/** virConnectFlags: VIR_CONNECT_RO. Others, of clients that ask for no aliases, change nothing here. */
const OPEN_READ_ONLY = 1;
const EVERY_OPEN_FLAG = 3;

/** What a client may ask of the protocol itself (virDrvFeature), by number; all others are 0. */
const FEATURES: ReadonlySet<number> = new Set([
  4, // P2P migration
  6, // migration protocol 3
  9, // string parameters
  10, // keepalive
  13, // migration parameters
  14, // callbacks with numbers
  15, // close callback
  16, // callbacks of other drivers
]);
const FEATURE_KEEPALIVE = 10;

export interface SessionOptions {
  readonly host: Host;
  readonly role: Role;
  /** Hears what went wrong with the client, or with a call of its. */
  readonly failed: (reason: unknown) => void;
  /** Longest time until the connection is opened, in ms; default: 30 s. */
  readonly openMs?: number | undefined;
}

type SessionCalls = {
  readonly [N in ProcedureName]?: (args: Arguments<N>) => Result<N> | Promise<Result<N>>;
};

type AnyHandler = (args: unknown, context: CallContext) => unknown;

/** One client of libvirt's protocol. Takes the stream over, and never throws: what goes wrong ends this client only. */
export class ClientSession implements AsyncDisposable {
  /** Resolves when the client is gone and none of its calls is under way. */
  readonly ended: Promise<void>;
  readonly #reader = new MessageReader();
  readonly #gone = new AbortController();
  readonly #calls = new Set<Promise<void>>();
  readonly #events: EventCallbacks;
  readonly #context: CallContext;
  #role: Role;
  #isOpen = false;
  /** Bytes of the payloads of the calls under way. */
  #callBytes = 0;
  readonly #opening: NodeJS.Timeout;
  #keepalive: NodeJS.Timeout | undefined;
  #pings = 0;

  constructor(
    private readonly stream: Duplex,
    private readonly options: SessionOptions,
  ) {
    this.#role = options.role;
    const { host, failed } = options;
    this.#events = new EventCallbacks(
      host,
      (message) => this.#sendEvent(message),
      (line) => failed(new Error(line)),
    );
    const role = (): Role => this.#role;
    const signal = this.#gone.signal;
    this.#context = {
      host,
      signal,
      get role() {
        return role();
      },
    };
    this.ended = new Promise((resolve) => {
      stream.on('close', () => void this.#finish().then(resolve));
    });
    const openMs = options.openMs ?? OPEN_MS;
    this.#opening = setTimeout(() => {
      failed(new Error(`the connection was not opened within ${openMs / 1000} s`));
      stream.destroy();
    }, openMs).unref();
    stream.on('error', () => stream.destroy());
    stream.on('end', () => stream.end());
    stream.on('drain', () => stream.resume());
    stream.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
  }

  /** Ends the connection; calls that can be stopped are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    await this.ended;
  }

  async #finish(): Promise<void> {
    clearTimeout(this.#opening);
    clearInterval(this.#keepalive);
    this.#gone.abort(new RefusedError('E_REFUSED_CLOSING', 'the client has closed its connection'));
    await Promise.all(this.#calls);
    await this.#events[Symbol.asyncDispose]();
  }

  #take(chunk: Buffer): void {
    this.#pings = 0;
    try {
      for (const message of this.#reader.push(chunk)) this.#receive(message);
    } catch (error) {
      this.options.failed(error);
      this.stream.destroy();
    }
  }

  #receive(message: Message): void {
    if (message.program === PROGRAM.keepalive) {
      if (message.procedure === KEEPALIVE.ping) this.#sendKeepalive(KEEPALIVE.pong);
      return;
    }
    if (message.type !== TYPE.call) {
      // Packets of a stream that has ended or does not exist: libvirt drops these as well.
      if (message.type === TYPE.stream || message.type === TYPE.streamHole) return;
      throw new ProtocolError('E_PROTOCOL_LIBVIRT_MESSAGE', `a message of type ${message.type} from a client`);
    }
    const bytes = message.payload.length;
    const mostBytes = this.#role === 'reader' ? MOST_CALL_BYTES.reader : MOST_CALL_BYTES.admin;
    if (this.#calls.size >= MOST_CALLS || this.#callBytes + bytes > mostBytes) {
      const what = `${this.#calls.size} calls with ${this.#callBytes} bytes are under way on this connection`;
      this.#fail(message, new RefusedError('E_REFUSED_LIMIT', what, { hint: 'Wait for their answers.' }));
      return;
    }
    this.#callBytes += bytes;
    const work = this.#answer(message)
      .catch((error: unknown) => {
        this.#fail(message, error);
      })
      .finally(() => {
        this.#callBytes -= bytes;
        this.#calls.delete(work);
      });
    this.#calls.add(work);
  }

  async #answer(message: Message): Promise<void> {
    const { program, version, procedure, status, payload } = message;
    if (program !== PROGRAM.remote || version !== PROGRAM_VERSION) {
      throw new ProtocolError(
        'E_PROTOCOL_LIBVIRT_CALL',
        `Cannot find program ${program} version ${version}: this host has the remote program of libvirt only`,
      );
    }
    const name = procedureNamed(procedure);
    // Clients of libvirt take these words, with this number, for a call that is too new, and try an older one.
    if (name === undefined) throw new ProtocolError('E_PROTOCOL_LIBVIRT_CALL', `unknown procedure: ${procedure}`);
    if (status !== STATUS.ok) throw new ProtocolError('E_PROTOCOL_LIBVIRT_CALL', `a call of status ${status}`);
    await this.#perform(name, message, payload);
  }

  async #perform(name: ProcedureName, header: MessageHeader, payload: Buffer): Promise<void> {
    const { access, peer, args, result }: Procedure<unknown, unknown> = PROCEDURES[name];
    this.#check(name, access, peer);
    // The table gives each procedure its own types, and `SessionCalls` and `Handlers` hold each handler to them.
    const handler = (this.#own[name] ?? HOST_CALLS[name]) as AnyHandler | undefined;
    const read = decodeXdr(args, payload);
    if (handler === undefined) {
      throw new RefusedError('E_REFUSED_LIBVIRT_CALL', `this host does not support ${name}`);
    }
    const answer = encodeXdr(result, await handler(read, this.#context));
    this.#send({ ...header, type: TYPE.reply, status: STATUS.ok }, answer);
    if (name === 'connectClose') this.stream.end();
  }

  #check(name: ProcedureName, access: Access, ofPeer: boolean): void {
    if (access === 'open') return;
    if (!this.#isOpen) {
      throw new RefusedError('E_REFUSED_STATE', `${name} on a connection that is not open`, {
        hint: 'A client opens the connection first.',
      });
    }
    if (this.#role === 'peer' && access !== 'migrate' && !ofPeer) {
      throw new RefusedError('E_REFUSED_LIBVIRT_ACCESS', 'this host may take part in migrations only', {
        hint: 'The operator of the other host can name it in `libvirt_admins`.',
      });
    }
    if (this.#role === 'reader' && access !== 'read') {
      throw new RefusedError('E_REFUSED_LIBVIRT_READ_ONLY', `${name} is denied: the connection is read-only`);
    }
  }

  /** Calls about the connection itself. */
  readonly #own: SessionCalls = {
    authList: () => ({ types: [0] }),
    connectOpen: ({ name, flags }) => {
      this.#open(name ?? '', flags);
    },
    connectClose: () => undefined,
    supportsFeature: ({ feature }) => {
      if (feature === FEATURE_KEEPALIVE) this.#keepAlive();
      return { supported: FEATURES.has(feature) ? 1 : 0 };
    },
    registerCloseCallback: () => undefined,
    unregisterCloseCallback: () => undefined,
    domainEventRegister: async () => ({ registered: await this.#events.plain(1) }),
    domainEventDeregister: async () => ({ registered: await this.#events.plain(-1) }),
    domainEventCallbackRegisterAny: ({ eventId, of }) => ({
      callbackId: this.#events.register(eventId, of === undefined ? undefined : refOf(of)),
    }),
    domainEventCallbackDeregisterAny: ({ callbackId }) => this.#events.deregister(callbackId),
  };

  #open(uri: string, flags: number): void {
    if (this.#isOpen) throw new RefusedError('E_REFUSED_STATE', 'the connection is open already');
    if ((flags & ~EVERY_OPEN_FLAG) !== 0) {
      throw new UsageError('E_USAGE_LIBVIRT_FLAGS', `unsupported flags (0x${flags.toString(16)}) of an open`);
    }
    if (!['', 'xen:///system', 'xen:///'].includes(uri)) {
      throw new RefusedError('E_REFUSED_LIBVIRT_URI', `no connection driver available for ${uri}`, {
        hint: 'This host is xen:///system.',
      });
    }
    if ((flags & OPEN_READ_ONLY) !== 0 && this.#role === 'admin') this.#role = 'reader';
    this.#isOpen = true;
    clearTimeout(this.#opening);
    this.#reader.allow(this.#role === 'reader' ? MOST_READER_MESSAGE_BYTES : MOST_MESSAGE_BYTES);
  }

  #keepAlive(): void {
    this.#keepalive ??= setInterval(() => {
      if (this.#pings >= MOST_UNANSWERED_PINGS) {
        this.options.failed(new Error(`no answer to ${this.#pings} keepalive messages`));
        this.stream.destroy();
        return;
      }
      this.#pings += 1;
      this.#sendKeepalive(KEEPALIVE.ping);
    }, PING_EVERY_MS).unref();
  }

  #fail(call: MessageHeader, error: unknown): void {
    const { code, domain, message } = wireError(error);
    if (!(error instanceof XenferryError)) this.options.failed(error);
    const payload = encodeXdr(remoteError, {
      code,
      domain,
      message,
      level: 2,
      dom: undefined,
      str1: message,
      str2: undefined,
      str3: undefined,
      int1: 0,
      int2: 0,
      net: undefined,
    });
    this.#send({ ...call, type: TYPE.reply, status: STATUS.error }, payload);
  }

  #sendEvent({ procedure, payload }: EventMessage): void {
    if (this.stream.writableLength > MOST_UNREAD_BYTES) {
      this.options.failed(new Error('it does not read its events'));
      this.stream.destroy();
      return;
    }
    const header = { program: PROGRAM.remote, version: PROGRAM_VERSION, procedure, serial: 0 };
    this.#send({ ...header, type: TYPE.event, status: STATUS.ok }, payload);
  }

  #sendKeepalive(procedure: number): void {
    const header = { program: PROGRAM.keepalive, version: PROGRAM_VERSION, procedure, serial: 0 };
    this.#send({ ...header, type: TYPE.event, status: STATUS.ok });
  }

  /** A client that does not read its answers is not read either, until it does. */
  #send(header: MessageHeader, payload?: Buffer): void {
    if (!this.stream.writable) return;
    if (!this.stream.write(encodeMessage(header, payload))) this.stream.pause();
  }
}
