import type { Writable } from 'node:stream';
import { asError } from '../../errors/message-of.js';
import type { OpenLanes } from '../../source/destination.js';

/** xl's only lane: its standard input takes the raw stream, followed by the go. It stays open at the stream's end. */
export class XlLane implements OpenLanes {
  readonly count = 1;
  #bytes = 0;

  /** The caller keeps the channel. */
  constructor(private readonly channel: Writable) {}

  get wireBytes(): number {
    return this.#bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.channel.write(chunk, (error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
    this.#bytes += chunk.length;
  }

  /** xl reports itself when it has received everything. */
  end(): Promise<{ readonly rawBytes: number; readonly wireBytes: number }> {
    return Promise.resolve({ rawBytes: this.#bytes, wireBytes: this.#bytes });
  }

  destroy(error?: Error): void {
    if (error !== undefined) this.channel.destroy(error);
  }
}
