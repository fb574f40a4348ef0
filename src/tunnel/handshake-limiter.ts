/** A connection, as far as ending it goes. */
export interface Destroyable {
  destroy(): void;
}

interface Handshake {
  readonly socket: Destroyable;
  readonly host: string;
}

/**
 * Bounds the connections that have not authenticated yet. No more than `most` are kept. If a new one would be too
 * many, the address that has most of them loses its oldest, so that a flood displaces itself and not the others.
 */
export class HandshakeLimiter {
  /** By address and port, oldest first. */
  readonly #here = new Map<string, Handshake>();

  constructor(private readonly most: number) {}

  get count(): number {
    return this.#here.size;
  }

  /** @returns the connection that had to go, which is cut */
  admit(client: string, host: string, socket: Destroyable): string | undefined {
    const gone = this.#here.size >= this.most ? this.#evict() : undefined;
    this.#here.set(client, { socket, host });
    return gone;
  }

  /** It has authenticated, or is closed. */
  forget(client: string, socket?: Destroyable): void {
    if (socket === undefined || this.#here.get(client)?.socket === socket) this.#here.delete(client);
  }

  /** Cuts all. */
  clear(): void {
    for (const { socket } of this.#here.values()) socket.destroy();
    this.#here.clear();
  }

  #evict(): string | undefined {
    const counts = new Map<string, number>();
    for (const { host } of this.#here.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [client, { socket, host }] of this.#here) {
      if (counts.get(host) !== most) continue;
      this.#here.delete(client);
      socket.destroy();
      return client;
    }
    return undefined;
  }
}
