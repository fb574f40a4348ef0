import { Duplex, type Readable, type Writable } from 'node:stream';

/**
 * Standard input and output of a process as one Duplex, so that they can carry a link. Owns both: an
 * error of either ends it, and `destroy` destroys them.
 */
export class StdioDuplex extends Duplex {
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    super();
    this.#input = input;
    this.#output = output;
    input.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) input.pause();
    });
    input.once('end', () => this.push(null));
    input.once('close', () => {
      if (!input.readableEnded) this.destroy();
    });
    for (const stream of [input, output]) {
      stream.on('error', (error) => this.destroy(error));
    }
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#output.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#output.end(() => {
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#input.destroy();
    this.#output.destroy();
    done(error);
  }
}
