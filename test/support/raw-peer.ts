import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import {
  decodeWith,
  encode,
  openedSchema,
  type Hello,
  type Open,
  type Prepare,
  type Reply,
  type Request,
} from '../../src/control/messages.js';
import { Requester } from '../../src/control/requester.js';
import { bakeCookie } from '../../src/cookie/cookie.js';
import { codeOf } from '../../src/errors/message-of.js';
import { FrameLink } from '../../src/tunnel/frame-link.js';
import type { TlsCredentials } from '../../src/tunnel/tls-credentials.js';
import { MessageChannel } from '../../src/tunnel/message-channel.js';
import { TlsDialer } from '../../src/tunnel/tls-dialer.js';

const never = new AbortController().signal;
setMaxListeners(0, never); // each conversation waits with it
const WAIT = { signal: never, ms: 60_000 };
const STREAM_VERSION = 2;

const HELLO: Hello = {
  protocol: { min: 1, max: 1 },
  software: 'xenferry/1',
  hostname: 'raw',
  features: ['migration-v3', 'migration-params', 'migration-p2p', 'typed-param-string', 'persist-dest'],
  streamVersions: [STREAM_VERSION],
};

/** What a guest is called in XML and in its cookie. */
export interface SentNames {
  readonly name: string;
  readonly uuid: string;
}

/** A `prepare` of any XML; what is in `more` takes the place of what a source would say. */
export function prepareOf({ name, uuid }: SentNames, xml: string, more: Partial<Prepare> = {}): Prepare {
  const cookie = bakeCookie({ name, uuid, hostname: 'raw', streamVersion: STREAM_VERSION });
  return {
    type: 'prepare',
    migration: randomUUID(),
    epoch: 1,
    xml,
    cookie: Buffer.from(cookie).toString('base64'),
    lanes: 1,
    windowBytes: 1024 * 1024,
    ...more,
  };
}

/** The code of a refusal, or of the error with which a request or its link ends; else the kind of the reply. */
export async function outcomeOf(reply: Promise<Reply | undefined>): Promise<string> {
  try {
    const said = await reply;
    if (said?.type === 'refused') return said.problems.map(({ code }) => code).join();
    return said?.type ?? 'none';
  } catch (error) {
    return codeOf(error);
  }
}

export interface Conversation {
  readonly link: FrameLink;
  readonly session: string;
  readonly ask: (request: Request) => Promise<Reply>;
}

/** Speaks the protocol with a good certificate and says what no source would: nothing of what it sends is checked on its side. */
export class RawPeer implements AsyncDisposable {
  readonly #dialer: TlsDialer;
  readonly #links = new Set<FrameLink>();
  readonly #raw = new Set<Duplex>();

  /** @param address of the server: HOST:PORT */
  constructor(credentials: TlsCredentials, address: string) {
    const [host, port] = address.split(':');
    this.#dialer = new TlsDialer({ host, port: Number(port), credentials });
  }

  /** A link on which nothing has been said. */
  async link(): Promise<FrameLink> {
    const link = new FrameLink(await this.#dialer.dial(never));
    this.#links.add(link);
    return link;
  }

  /** A connection below frames. */
  async raw(): Promise<Duplex> {
    const { duplex } = await this.#dialer.dial(never);
    this.#raw.add(duplex);
    return duplex.on('error', () => undefined);
  }

  /** Says what a link is for; the answer as it came. */
  async open(open: Open): Promise<FrameLink> {
    const link = await this.link();
    await link.open(encode(open), never);
    return link;
  }

  async converse(hello: Partial<Hello> = {}, reconnectMs = 0): Promise<Conversation> {
    const link = await this.link();
    const said = await link.open(encode({ kind: 'control', hello: { ...HELLO, ...hello }, reconnectMs }), never);
    const opened = decodeWith(openedSchema, said, 'answer');
    if (opened.kind !== 'control') throw new Error(`answered as ${opened.kind}`);
    const requester = new Requester(
      new MessageChannel(link, { reconnectMs }),
      'the server',
      () => undefined,
      () => undefined,
    );
    return {
      link,
      session: opened.session ?? '',
      ask: (request) => requester.request(request, ['prepared', 'refused', 'outcome', 'confirmed'], WAIT),
    };
  }

  /** What comes of one request in a conversation of its own, which ends with it. */
  async once(request: Request, hello: Partial<Hello> = {}): Promise<string> {
    const { link, ask } = await this.converse(hello);
    try {
      return await outcomeOf(ask(request));
    } finally {
      link.destroy();
      this.#links.delete(link);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links) link.destroy();
    for (const duplex of this.#raw) duplex.destroy();
    return Promise.resolve();
  }
}
