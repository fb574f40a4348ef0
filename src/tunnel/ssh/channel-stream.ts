import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { TunnelError } from '../../errors/errors.js';
import { StderrTail } from './stderr-tail.js';

/** What the connection below may hold, encrypted and not yet taken by the kernel, before a channel waits. */
const SEND_AHEAD_BYTES = 512 * 1024;
/** Our part of the read buffer; ssh2's channel holds up to its window of 2 MiB besides. */
const READ_AHEAD_BYTES = 256 * 1024;
/**
 * sshd sends the exit status soon after the end of the output, but a busy host may take its time, and this process as well; a program that
 * has closed its output and runs on has none.
 */
const EXIT_STATUS_MS = 20_000;

/** How a remote command ended. Neither is there when the connection broke first. */
export interface RemoteExit {
  readonly code?: number;
  readonly signal?: string;
  /** The last lines that it wrote to its standard error. */
  readonly stderr: readonly string[];
}

export interface ChannelStreamOptions {
  readonly channel: ClientChannel;
  /** What the ssh connection writes to: a socket, or a channel of the connection before it. */
  readonly transport: Duplex;
  /** For a command: the error that its end means; undefined for a normal end. */
  readonly onExit?: (exit: RemoteExit) => Error | undefined;
}

/**
 * One ssh channel as an ordinary Duplex. ssh2's own channels don't destroy, never answer a write that
 * was under way when they closed, and put no bound on what waits to be sent but the peer's window.
 * Owns the channel. Bytes that the peer sent before it closed are read before the failure is reported.
 */
export class ChannelStream extends Duplex {
  readonly #channel: ClientChannel;
  readonly #transport: Duplex;
  readonly #onExit: ((exit: RemoteExit) => Error | undefined) | undefined;
  readonly #stderr = new StderrTail();
  #exit: { readonly code?: number; readonly signal?: string } = {};
  #exitTimer: NodeJS.Timeout | undefined;
  #ended = false;
  #closed = false;
  #closeSeen = false;
  #failure: Error | undefined;
  #writing: ((error?: Error) => void) | undefined;

  constructor(options: ChannelStreamOptions) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES });
    this.#channel = options.channel;
    this.#transport = options.transport;
    this.#onExit = options.onExit;
    const channel = this.#channel;
    channel.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(chunk)) channel.pause();
    });
    channel.on('end', () => {
      this.#onEof();
    });
    channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = code === null ? { signal: signal ?? 'unknown' } : { code };
    });
    channel.on('close', () => {
      // What the command wrote to its standard error may not have been read yet; it says why the command ended.
      if (channel.stderr.readableEnded || channel.stderr.destroyed) this.#onClose();
      else channel.stderr.once('end', () => this.#onClose()).once('close', () => this.#onClose());
    });
    channel.on('error', (error: Error) => {
      this.fail(error);
    });
    // Read always, or its bytes would use up the window that the channel's data needs.
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#stderr.add(chunk);
    });
    channel.stderr.on('error', () => undefined);
  }

  /** The last lines of the command's standard error so far. */
  get stderr(): readonly string[] {
    return this.#stderr.lines();
  }

  /** Ends the stream with the error, after what has been received was read. */
  fail(error: Error): void {
    if (this.destroyed || this.#failure !== undefined) return;
    this.#failure = error;
    this.#closed = true; // nothing can be written any more, even if there is still something to read
    if (this.readableLength === 0) this.destroy(error);
    else this.#writing?.(error);
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#failure !== undefined && this.readableLength === 0) this.destroy(this.#failure);
    return chunk;
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#closed) {
      done(this.#closedError());
      return;
    }
    this.#writing = (error) => {
      this.#writing = undefined;
      done(error);
    };
    this.#channel.write(chunk, () => {
      this.#whenTaken();
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#exitTimer);
    this.#channel.close();
    this.#channel.resume(); // what still comes is dropped
    this.#writing?.(error ?? this.#closedError());
    done(error);
  }

  /** Finishes the write under way once the connection below has room again. */
  #whenTaken(): void {
    const { writableLength, writableNeedDrain } = this.#transport;
    if (!writableNeedDrain || writableLength <= SEND_AHEAD_BYTES) {
      this.#writing?.();
      return;
    }
    this.#transport.once('drain', () => {
      this.#writing?.();
    });
  }

  /** For a command the end waits for its exit status, which says whether it is one in order. */
  #onEof(): void {
    if (this.#onExit === undefined) {
      this.#end();
      return;
    }
    this.#exitTimer = setTimeout(() => {
      this.#end();
    }, EXIT_STATUS_MS);
  }

  #onClose(): void {
    if (this.#closeSeen) return;
    this.#closeSeen = true;
    this.#closed = true;
    clearTimeout(this.#exitTimer);
    if (this.destroyed) return;
    const failure = this.#onExit?.({ ...this.#exit, stderr: this.#stderr.lines() });
    this.#writing?.(failure ?? this.#closedError());
    if (failure === undefined) this.#end();
    else this.fail(failure);
    // Both directions are gone: there is nothing left to do but to read what has come.
    if (this.readableEnded) this.destroy();
    else this.once('end', () => this.destroy());
  }

  #end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  #closedError(): Error {
    return this.#failure ?? new TunnelError('E_TUNNEL_CLOSED', 'the ssh channel was closed');
  }
}
