import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** What the proxy does to the connections that go through it. */
export interface Trouble {
  /** Cut every connection, once, when so many bytes have gone to the destination; new ones go through. */
  readonly cutOnceAtBytes?: readonly number[];
  /** Cut every connection, once, when so many answers have come back since a megabyte went out; they are not passed on. */
  readonly cutOnceAtAnswer?: number;
  /** Cut every connection, once this many bytes have gone to the destination over all of them. */
  readonly cutAfterBytes?: number;
  /** Stop passing bytes on, both ways, without closing anything. */
  readonly freezeAfterBytes?: number;
  /** Flip one bit, at this byte of everything that goes to the destination. Inside TLS it must be noticed. */
  readonly flipAtByte?: number;
}

/** A link between two hosts that can be broken in chosen ways. Loopback only. */
export class Proxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pairs: { near: Socket; far: Socket }[] = [];
  #forward = 0;
  #cutsDone = 0;
  #answers = 0;
  #frozen = false;
  #shut = false;
  /** Cuts so far. */
  cuts = 0;
  connections = 0;
  /** Resolves when the proxy stops passing bytes on. */
  readonly frozen: Promise<void>;
  #onFrozen: () => void = () => undefined;

  private constructor(
    private target: { host: string; port: number },
    public trouble: Trouble,
  ) {
    this.frozen = new Promise((resolve) => {
      this.#onFrozen = resolve;
    });
    this.#server = createServer((socket) => this.#pass(socket));
  }

  /** @param at where it listens; default: any port of 127.0.0.1 */
  static async to(address: string, trouble: Trouble = {}, at = { host: '127.0.0.1', port: 0 }): Promise<Proxy> {
    const [host, port] = address.split(':');
    const proxy = new Proxy({ host, port: Number(port) }, trouble);
    proxy.#server.listen(at.port, at.host);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** Bytes that went to the destination so far. */
  get forwarded(): number {
    return this.#forward;
  }

  cut(): void {
    this.cuts += 1;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Cuts the one connection that was made as the nth, the first being 0. */
  cutOne(nth: number): void {
    this.#pairs[nth].near.resetAndDestroy();
  }

  /** The nth connection stays open, and nothing more goes through it. */
  stall(nth: number): void {
    const { near, far } = this.#pairs[nth];
    for (const socket of [near, far]) {
      socket.removeAllListeners('data');
      socket.pause();
    }
  }

  /** New connections are cut at once, until `admit`. */
  shut(): void {
    this.#shut = true;
    this.cut();
  }

  admit(): void {
    this.#shut = false;
  }

  /** From now on new connections go there. */
  retarget(address: string): void {
    const [host, port] = address.split(':');
    this.target = { host, port: Number(port) };
  }

  freeze(): void {
    this.#frozen = true;
    this.#onFrozen();
    for (const socket of this.#sockets) socket.pause();
  }

  #pass(near: Socket): void {
    this.connections += 1;
    if (this.#shut) {
      near.on('error', () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.target);
    this.#pairs.push({ near, far });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk: Buffer) => {
      const before = this.#forward;
      this.#forward += chunk.length;
      const { cutAfterBytes, freezeAfterBytes, flipAtByte, cutOnceAtBytes } = this.trouble;
      if (this.#isDue(cutOnceAtBytes)) return;
      if (cutAfterBytes !== undefined && this.#forward > cutAfterBytes) {
        this.cut();
        return;
      }
      if (freezeAfterBytes !== undefined && this.#forward > freezeAfterBytes) this.freeze();
      if (this.#frozen) return;
      if (flipAtByte !== undefined && flipAtByte >= before && flipAtByte < this.#forward)
        chunk[flipAtByte - before] ^= 1;
      if (!far.write(chunk)) {
        near.pause();
        far.once('drain', () => near.resume());
      }
    });
    far.on('data', (chunk: Buffer) => {
      if (this.#forward > 1_000_000) this.#answers += 1;
      if (this.#answers === this.trouble.cutOnceAtAnswer) {
        this.#answers += 1;
        this.cut();
        return;
      }
      if (this.#frozen) return;
      if (!near.write(chunk)) {
        far.pause();
        near.once('drain', () => far.resume());
      }
    });
  }

  /** Cuts where the next of these marks has been passed. */
  #isDue(marks: readonly number[] | undefined): boolean {
    const mark = marks?.[this.#cutsDone];
    if (mark === undefined || this.#forward < mark) return false;
    this.#cutsDone += 1;
    this.cut();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
