import { orAborted } from '../../errors/deadline.js';
import { CONNECT_MS, dialFailed } from '../handshake-errors.js';
import type { PeerIdentity } from '../peer-identity.js';
import type { TlsDialerOptions } from '../tls-options.js';
import type { KeepaliveOptions } from '../keepalive.js';
import { connectUnread } from './connect-unread.js';
import { LinkProxy } from './link-proxy.js';
import { takeDescriptor } from './moved-socket.js';
import { threadKind } from './thread-kind.js';
import type { FromThread, ToThread } from './thread-messages.js';
import { startThread, type StartedThread, type ThreadKind } from './thread-start.js';

/** The message to a thread about a port, sent before its first connection, and the receiver of refused connections. */
interface Gate {
  readonly word: () => ToThread;
  readonly onRefused: (message: Extract<FromThread, { tell: 'refused' }>) => void;
}

interface LinkThread extends StartedThread {
  readonly links: Map<number, LinkProxy>;
}

/** Threads that hold links, so that encryption uses more than one core and the main thread stays free. */
export class LinkThreads implements Disposable {
  readonly #threads: LinkThread[] = [];
  readonly #gates = new Map<number, Gate>();
  #nextId = 1;
  #nextGate = 1;

  /**
   * @param count how many threads at most; they are started when they are needed
   * @param duplicateFd makes a second, close-on-exec descriptor of the same connection (Node itself cannot)
   * @param kind who does TLS in them; both speak to either at the other end
   */
  constructor(
    private readonly count: number,
    readonly duplicateFd: (fd: number) => number,
    readonly kind: ThreadKind = threadKind(),
  ) {}

  /**
   * Dials in a thread; an `OpenLink` for a `TlsDialer`. Resolves with a link to a server that has been verified, as `TlsDialer.dial` does.
   * Rejects with the same errors, or with the signal's reason.
   */
  readonly openLink = async (
    to: TlsDialerOptions,
    keepalive: KeepaliveOptions,
    signal: AbortSignal,
  ): Promise<LinkProxy> => {
    signal.throwIfAborted();
    const peer: PeerIdentity = { transport: 'tls', name: to.host, address: `${to.host}:${to.port}` };
    const { link, linked } =
      this.kind === 'node'
        ? this.#hold(peer, (id) => ({ do: 'dial', id, to, keepalive }))
        : await this.#secure(peer, to, keepalive, signal);
    try {
      await orAborted(linked, signal);
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  };

  /**
   * Gives a connection to a thread, which does the handshake.
   * @param fd of the connection; the thread owns it from now on
   * @param peer who is there, whatever the certificate says
   * @param onLinked the peer has proven itself
   * @param onGone the connection is closed, whether or not it became a link
   */
  accept(
    {
      fd,
      gate,
      client,
      peer,
    }: { readonly fd: number; readonly gate: number; readonly client: string; readonly peer: PeerIdentity | undefined },
    onLinked: (link: LinkProxy) => void,
    onGone: () => void,
  ): LinkProxy {
    const unknown: PeerIdentity = peer ?? { transport: 'tls', name: 'unknown', address: client };
    const { link, linked, gone } = this.#hold(unknown, (id) => ({ do: 'accept', id, gate, fd, client }), peer);
    linked.then(
      () => onLinked(link),
      () => undefined, // it did not prove itself; who turned it away says why
    );
    void gone.then(onGone);
    return link;
  }

  /**
   * Opens a gate in each thread, there and to come.
   * @param word makes the message about the port, by its number, that a thread receives before its first connection
   * @param onRefused hears of the connections that were turned away
   * @returns its number
   */
  openGate(word: (gate: number) => ToThread, onRefused: Gate['onRefused']): number {
    const gate = this.#nextGate;
    this.#nextGate += 1;
    this.#gates.set(gate, { word: () => word(gate), onRefused });
    this.tellAll(word(gate));
    return gate;
  }

  /** The threads forget a gate; links that came through it live on. */
  shutGate(gate: number): void {
    if (this.#gates.delete(gate)) this.tellAll({ do: 'shut', gate });
  }

  tellAll(message: ToThread): void {
    for (const { post } of this.#threads) post(message);
  }

  /** Ends the threads and every link in them. */
  [Symbol.dispose](): void {
    for (const { stop } of this.#threads.splice(0)) stop();
  }

  /** Connects here and leaves the handshake to a thread. */
  async #secure(
    peer: PeerIdentity,
    to: TlsDialerOptions,
    keepalive: KeepaliveOptions,
    signal: AbortSignal,
  ): Promise<{ link: LinkProxy; linked: Promise<void> }> {
    const connectMs = to.connectMs ?? CONNECT_MS;
    const begun = performance.now();
    const socket = await connectUnread(to, connectMs, signal);
    const fd = takeDescriptor(socket, this.duplicateFd);
    if (fd === undefined) throw dialFailed(peer.address, new Error('the connection was closed'), null);
    const handshakeMs = Math.max(1, connectMs - (performance.now() - begun));
    return this.#hold(peer, (id) => ({ do: 'secure', id, fd, to, handshakeMs, keepalive }));
  }

  #hold(
    peer: PeerIdentity,
    first: (id: number) => ToThread,
    as?: PeerIdentity,
  ): { link: LinkProxy; linked: Promise<void>; gone: Promise<void> } {
    const thread = this.#leastBusy();
    const id = this.#nextId;
    this.#nextId += 1;
    const link = new LinkProxy(id, peer, thread.post, as);
    thread.links.set(id, link);
    thread.worker.ref();
    thread.post(first(id));
    return { link, linked: link.linked, gone: link.whenGone };
  }

  #leastBusy(): LinkThread {
    const idle = this.#threads.find(({ links }) => links.size === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.count) return this.#start();
    return this.#threads.reduce((best, thread) => (thread.links.size < best.links.size ? thread : best));
  }

  #start(): LinkThread {
    const thread: LinkThread = { ...startThread(this.kind), links: new Map() };
    const { worker } = thread;
    worker.unref(); // a thread without links does not keep the process alive
    worker.on('message', (message: FromThread) => {
      this.#hear(thread, message);
    });
    const onEnd = (cause: unknown): void => {
      const at = this.#threads.indexOf(thread);
      if (at >= 0) this.#threads.splice(at, 1);
      for (const link of thread.links.values()) link.lost(cause);
      thread.links.clear();
    };
    worker.on('error', onEnd);
    worker.on('exit', onEnd);
    for (const { word } of this.#gates.values()) thread.post(word());
    this.#threads.push(thread);
    return thread;
  }

  #hear(thread: LinkThread, message: FromThread): void {
    if (message.tell === 'refused') {
      this.#gates.get(message.gate)?.onRefused(message);
      return;
    }
    thread.links.get(message.id)?.take(message);
    if (message.tell !== 'gone') return;
    thread.links.delete(message.id);
    if (thread.links.size === 0) thread.worker.unref();
  }
}
