import { createHash } from 'node:crypto';
import { eventually } from './eventually.js';
import { duplicateFd } from '../../src/posix/libc.js';
import type { KeepaliveOptions } from '../../src/tunnel/keepalive.js';
import type { FramedLink } from '../../src/tunnel/lane-link.js';
import type { LaneReceiver } from '../../src/tunnel/lane-receiver.js';
import { LinkThreads } from '../../src/tunnel/threads/link-threads.js';
import type { ThreadKind } from '../../src/tunnel/threads/thread-start.js';
import type { TlsCredentials } from '../../src/tunnel/tls-credentials.js';
import { TlsDialer } from '../../src/tunnel/tls-dialer.js';
import type { RefusedConnection } from '../../src/tunnel/tls-gate.js';
import { listenTls, type TlsListener, type TlsListenerOptions } from '../../src/tunnel/tls-listener.js';
import type { TlsDialerOptions } from '../../src/tunnel/tls-options.js';

const LOCAL = '127.0.0.1';
const never = new AbortController().signal;

/** A port whose links live in threads. */
export class LanePort implements AsyncDisposable {
  readonly links: FramedLink[] = [];
  readonly refused: RefusedConnection[] = [];

  private constructor(
    readonly listener: TlsListener,
    private readonly threads: LinkThreads,
  ) {}

  /** @param threads end with it */
  static async open(
    threads: LinkThreads,
    credentials: TlsCredentials,
    more: Partial<TlsListenerOptions> = {},
  ): Promise<LanePort> {
    const listener = await listenTls({
      host: LOCAL,
      port: 0,
      credentials,
      onLink: () => {
        throw new Error('a link outside of the threads');
      },
      threads: { pool: threads, onLink: (link) => port.links.push(link) },
      onRefused: (one) => port.refused.push(one),
      ...more,
    });
    const port = new LanePort(listener, threads);
    return port;
  }

  get port(): number {
    return this.listener.port;
  }

  /** The next link that gets in, after so many. */
  async link(after = 0): Promise<FramedLink> {
    await eventually(() => {
      if (this.links.length <= after) throw new Error(`${this.links.length} links: ${String(this.refused[0]?.reason)}`);
    });
    return this.links[after];
  }

  /** Its next link, whose peer's OPEN has been answered. */
  async answered(after = 0): Promise<FramedLink> {
    const link = await this.link(after);
    await link.awaitOpen(never);
    await link.answer(Buffer.from('welcome'));
    return link;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
    for (const link of this.links) link.destroy();
    this.threads[Symbol.dispose]();
  }
}

/** Dials lanes from a thread of one kind. */
export class LaneDialler implements Disposable {
  readonly threads: LinkThreads;

  constructor(
    readonly kind: ThreadKind,
    private readonly credentials: TlsCredentials,
    count = 1,
  ) {
    this.threads = new LinkThreads(count, duplicateFd, kind);
  }

  dial(port: number, more: Partial<TlsDialerOptions> = {}, signal = never): Promise<FramedLink> {
    const to = { host: LOCAL, port, credentials: this.credentials, ...more };
    return new TlsDialer(to, this.threads.openLink).dialLane(signal);
  }

  [Symbol.dispose](): void {
    this.threads[Symbol.dispose]();
  }
}

/** A lane between a thread of the dialler's and one of the port's, open at both ends. */
export async function openLane(
  near: LaneDialler,
  far: LanePort,
  more: { readonly port?: number; readonly keepalive?: KeepaliveOptions } = {},
): Promise<{ near: FramedLink; far: FramedLink }> {
  const after = far.links.length;
  const link = await near.dial(
    more.port ?? far.port,
    more.keepalive === undefined ? {} : { keepalive: more.keepalive },
  );
  const [, other] = await Promise.all([link.open(Buffer.from('hello'), never), far.answered(after)]);
  return { near: link, far: other };
}

/** Takes everything out of a transfer. @returns its SHA-256 */
export async function digestOf(receiver: LaneReceiver): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of receiver) {
    hash.update(chunk);
    receiver.release(chunk);
  }
  return hash.digest('hex');
}
