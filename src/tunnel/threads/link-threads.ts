import { Worker } from 'node:worker_threads';
import { orAborted } from '../../errors/deadline.js';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { PeerIdentity } from '../peer-identity.js';
import type { TlsDialerOptions } from '../tls-options.js';
import type { KeepaliveOptions } from '../keepalive.js';
import { LinkProxy } from './link-proxy.js';
import type { FromThread, ToThread } from './thread-messages.js';

interface LinkThread {
  readonly worker: Worker;
  readonly links: Map<number, LinkProxy>;
}

/** A thread has few objects and many buffers: a small nursery has them collected soon. MiB. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 } as const;

/** Threads that hold links, so that encryption uses more than one core and the main thread stays free. */
export class LinkThreads implements Disposable {
  readonly #threads: LinkThread[] = [];
  readonly #listeners = new Set<(message: Extract<FromThread, { tell: 'refused' }>) => void>();
  readonly #firstWords: (() => ToThread)[] = [];
  #nextId = 1;

  /**
   * @param count how many threads at most; they are started when they are needed
   * @param duplicateFd makes a second, close-on-exec descriptor of the same connection (Node itself cannot)
   */
  constructor(
    private readonly count: number,
    readonly duplicateFd: (fd: number) => number,
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
    const address = `${to.host}:${to.port}`;
    const { link, linked } = this.#hold({ transport: 'tls', name: to.host, address }, (id) => ({
      do: 'dial',
      id,
      to,
      keepalive,
    }));
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
   * @param onLinked the peer has proven itself
   * @param onGone the connection is closed, whether or not it became a link
   */
  accept(
    fd: number,
    client: string,
    peer: PeerIdentity | undefined,
    onLinked: (link: LinkProxy) => void,
    onGone: () => void,
  ): LinkProxy {
    const unknown: PeerIdentity = peer ?? { transport: 'tls', name: 'unknown', address: client };
    const { link, linked, gone } = this.#hold(unknown, (id) => ({ do: 'accept', id, fd }), peer);
    linked.then(
      () => onLinked(link),
      () => undefined, // it did not prove itself; who turned it away says why
    );
    void gone.then(onGone);
    return link;
  }

  /** Hears of the connections that a thread has turned away. @param firstWord what each thread is told before its first */
  onRefused(firstWord: () => ToThread, listener: (message: Extract<FromThread, { tell: 'refused' }>) => void): void {
    this.#firstWords.push(firstWord);
    this.#listeners.add(listener);
    this.tellAll(firstWord());
  }

  tellAll(message: ToThread): void {
    for (const { worker } of this.#threads) worker.postMessage(message);
  }

  /** Ends the threads and every link in them. */
  [Symbol.dispose](): void {
    for (const { worker } of this.#threads.splice(0)) void worker.terminate();
  }

  #hold(
    peer: PeerIdentity,
    first: (id: number) => ToThread,
    as?: PeerIdentity,
  ): { link: LinkProxy; linked: Promise<void>; gone: Promise<void> } {
    const thread = this.#leastBusy();
    const id = this.#nextId;
    this.#nextId += 1;
    const link = new LinkProxy(
      id,
      peer,
      (message, transfer) => {
        thread.worker.postMessage(message, transfer);
      },
      as,
    );
    thread.links.set(id, link);
    thread.worker.ref();
    thread.worker.postMessage(first(id));
    return { link, linked: link.linked, gone: link.whenGone };
  }

  #leastBusy(): LinkThread {
    const idle = this.#threads.find(({ links }) => links.size === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.count) return this.#start();
    return this.#threads.reduce((best, thread) => (thread.links.size < best.links.size ? thread : best));
  }

  #start(): LinkThread {
    const worker = new Worker(threadEntry(), { resourceLimits: THREAD_LIMITS });
    const thread: LinkThread = { worker, links: new Map() };
    worker.unref(); // a thread without links keeps nobody alive
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
    for (const word of this.#firstWords) worker.postMessage(word());
    this.#threads.push(thread);
    return thread;
  }

  #hear(thread: LinkThread, message: FromThread): void {
    if (message.tell === 'refused') {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    thread.links.get(message.id)?.take(message);
    if (message.tell !== 'gone') return;
    thread.links.delete(message.id);
    if (thread.links.size === 0) thread.worker.unref();
  }
}

/** The compiled entry beside this module. Where this module runs from its source (in a test), that of the last build. */
function threadEntry(): URL {
  const entry = new URL('./link-thread.js', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return entry;
  const path = fileURLToPath(entry);
  const at = path.lastIndexOf('/src/');
  return pathToFileURL(`${path.slice(0, at)}/dist/${path.slice(at + '/src/'.length)}`);
}
