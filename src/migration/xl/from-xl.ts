import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StreamDigester } from '../../codec/digest.js';
import type { Deadlines } from '../../control/deadlines.js';
import type { Reply } from '../../control/messages.js';
import { bakeCookie } from '../../cookie/cookie.js';
import { formatDomainXml } from '../../domain/format.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { AbortedError, StreamError, ToolstackError, TunnelError } from '../../errors/errors.js';
import { asError, messageOf } from '../../errors/message-of.js';
import { fromWire, toWire } from '../../errors/wire.js';
import type { Journal } from '../../journal/journal.js';
import { XL_BANNER, XL_GO, XL_READY, XL_REPORT } from '../../savefile/xl-handshake.js';
import { decodeXlConfig, decodeXlHeader, XL_HEADER_BYTES } from '../../savefile/xl-header.js';
import { STREAM_HEAD_BYTES, streamOrigin } from '../../savestream/stream-release.js';
import { SaveStreamParser } from '../../savestream/parser.js';
import { askPrepare } from '../../source/ask-prepare.js';
import type { Connect, Destination, OpenLanes } from '../../source/destination.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';
import { WINDOW_BYTES } from '../migration-plan.js';
import { guestConfigOf } from '../../operations/saving/saved-config.js';
import { ByteReader } from './byte-reader.js';

/** libxl's stream version; the only one that xl sends since Xen 4.6. */
const STREAM_VERSION = 2;
const ASK_PAUSE_MS = 500;
/** The status byte for a guest that could not be unpaused (ERROR_FAIL). */
const FAILED = 3;
/** The guest does not run here, our copy is gone, and xl may resume its own. */
const REFUSAL = Buffer.concat([XL_REPORT, Buffer.of(FAILED), XL_GO]);

/** Options of the receiving end. */
export interface FromXlOptions {
  /** Streams from and to xl. Neither is closed. */
  readonly input: Readable;
  readonly output: Writable;
  /** The guest's destination: this host, or one reached through a tunnel. */
  readonly connect: Connect;
  /** For the epoch. */
  readonly journal: Journal;
  readonly deadlines: Deadlines;
  readonly lanes: number;
  /** Leave the guest paused, `-p`. */
  readonly paused: boolean;
  /** Aborts a migration that is not decided yet. */
  readonly signal: AbortSignal;
  /** Stops asking an undecided destination at once. */
  readonly abandon: AbortSignal;
  readonly log: (line: string) => void;
}

/** Result of a migration from xl. */
export interface FromXl {
  readonly name: string;
  readonly uuid: string;
  readonly running: boolean;
}

/**
 * The receiving end of a stock `xl migrate`: reads its messages, and passes the guest to a destination of
 * ours. The guest belongs to the destination once that has recorded it; xl is notified then, and not before.
 * Rejects if the guest has not arrived; xl then has it back, or has not been notified.
 */
export async function receiveFromXl(options: FromXlOptions): Promise<FromXl> {
  const session = new XlSession(options);
  return session.run();
}

class XlSession {
  readonly #words: ByteReader;
  readonly #migration = randomUUID();
  readonly #stop = new AbortController();
  readonly #digester = new StreamDigester();
  #epoch = 1;
  #destination: Destination | undefined;
  #lanes: OpenLanes | undefined;
  /** The stream's first bytes, where they were read ahead. */
  #first: Uint8Array | undefined;

  constructor(private readonly options: FromXlOptions) {
    this.#words = new ByteReader(options.input, 'xl');
  }

  async run(): Promise<FromXl> {
    try {
      await this.#say(XL_BANNER);
      const config = await this.#head();
      const { name, uuid } = config.domain;
      try {
        await this.#prepare(config, await this.#origin(name));
        await this.#carry();
        await this.#say(XL_READY);
      } catch (error) {
        await this.#giveUp(asError(error));
        throw error;
      }
      try {
        await this.#permission();
      } catch (error) {
        await this.#giveUp(asError(error));
        await this.#giveBack(name);
        throw error;
      }
      return { name, uuid, running: await this.#decide(config) };
    } finally {
      this.#lanes?.destroy();
      await this.#destination?.[Symbol.asyncDispose]();
    }
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([this.options.signal, this.#stop.signal]);
  }

  get #about(): { migration: string; epoch: number } {
    return { migration: this.#migration, epoch: this.#epoch };
  }

  /** Bounded by a deadline: an xl that does not read must not block us. */
  async #say(words: Uint8Array): Promise<void> {
    const { signal } = new AbortController();
    using deadline = new Deadline(signal, this.options.deadlines.callMs, 'E_DEADLINE_XL', 'xl to read our message');
    const said = new Promise<void>((resolve, reject) => {
      this.options.output.write(words, (error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
    await orAborted(said, deadline.signal);
  }

  async #head(): Promise<GuestConfig> {
    using deadline = new Deadline(
      this.options.signal,
      this.options.deadlines.prepareMs,
      'E_DEADLINE_PREPARE',
      "the guest's configuration from xl",
    );
    const fixed = await this.#words.exactly(XL_HEADER_BYTES, 'the head', deadline.signal);
    const { format, optionalBytes } = decodeXlHeader(fixed);
    const optional = await this.#words.exactly(optionalBytes, 'the configuration', deadline.signal);
    return guestConfigOf(decodeXlConfig(format, optional));
  }

  /** What the stream's own first bytes say: xl writes them before it waits for anything of ours. */
  async #origin(name: string): Promise<string | undefined> {
    const { signal, deadlines, log } = this.options;
    using deadline = new Deadline(signal, deadlines.prepareMs, 'E_DEADLINE_PREPARE', 'the head of the stream from xl');
    this.#first = await this.#words.exactly(STREAM_HEAD_BYTES, 'the head of the stream', deadline.signal);
    const origin = streamOrigin(this.#first);
    if (origin === undefined) return undefined;
    log(`${name} comes from Xen ${origin.xen}`);
    // The state that a newer Xen adds is that of virtual machines; the parts of a PV guest are the same everywhere.
    return origin.type === 'x86-pv' ? undefined : origin.xen;
  }

  async #connect(signal: AbortSignal): Promise<Destination> {
    await this.#destination?.[Symbol.asyncDispose]();
    using deadline = new Deadline(signal, this.options.deadlines.connectMs, 'E_DEADLINE_CONNECT', 'connecting');
    const stop = (error: Error): void => {
      this.#stop.abort(error);
    };
    this.#destination = await this.options.connect({ onFailed: stop, onLost: stop }, deadline.signal);
    return this.#destination;
  }

  async #prepare(config: GuestConfig, xen: string | undefined): Promise<void> {
    const { options } = this;
    const { name, uuid } = config.domain;
    this.#epoch = options.journal.highestEpoch(uuid) + 1;
    const destination = await this.#connect(options.signal);
    const cookie = bakeCookie({ name, uuid, hostname: 'xl', streamVersion: STREAM_VERSION });
    const prepared = await askPrepare(
      destination,
      {
        ...this.#about,
        xml: formatDomainXml(config.domain),
        ...(config.native === undefined ? {} : { native: config.native }),
        cookie: Buffer.from(cookie).toString('base64'),
        lanes: options.lanes,
        windowBytes: WINDOW_BYTES,
        run: !options.paused,
        ...(xen === undefined ? {} : { xen }),
      },
      name,
      { signal: options.signal, ms: options.deadlines.prepareMs },
    );
    this.#epoch = prepared.epoch;
    using deadline = new Deadline(this.#signal, options.deadlines.connectMs, 'E_DEADLINE_CONNECT', 'opening lanes');
    this.#lanes = await destination.openLanes({
      token: prepared.token,
      count: options.lanes,
      windowBytes: Math.min(WINDOW_BYTES, prepared.windowBytes),
      signal: deadline.signal,
    });
    options.log(`receiving ${name} (${uuid}) from xl for ${destination.hello.hostname} over ${destination.transport}`);
  }

  /** The stream contains its own end: xl leaves its side open for the go. */
  async #carry(): Promise<void> {
    const lanes = this.#lanes;
    if (lanes === undefined) return;
    const stream = new SaveStreamParser();
    using moving = new Deadline(
      this.#signal,
      this.options.deadlines.stallMs,
      'E_DEADLINE_STALLED',
      'the next byte from xl',
    );
    while (!stream.isComplete) {
      const chunk = this.#first ?? (await this.#words.some(moving.signal));
      this.#first = undefined;
      if (chunk === undefined)
        throw new StreamError('E_STREAM_TRUNCATED', `xl ended its stream after ${stream.offset} bytes`);
      stream.push(chunk);
      this.#digester.stage(chunk);
      await orAborted(lanes.write(chunk), moving.signal);
      moving.refresh();
    }
    await orAborted(lanes.end(), moving.signal);
  }

  /** xl renames its copy, and then releases the guest. */
  async #permission(): Promise<void> {
    using deadline = new Deadline(
      this.#signal,
      this.options.deadlines.finishMs,
      'E_DEADLINE_XL',
      'the permission to run the guest',
    );
    await this.#words.expect(XL_GO, 'the permission to run the guest', deadline.signal);
  }

  /**
   * xl was notified that we are ready, so its permission may be on its way: from then on it resumes its guest only
   * on request. The destination was never asked to finish, so the guest cannot run there.
   */
  async #giveBack(name: string): Promise<void> {
    try {
      await this.#say(REFUSAL);
      // An xl that cannot deliver its permission leaves its guest as it is.
      const { signal } = new AbortController();
      using deadline = new Deadline(signal, this.options.deadlines.callMs, 'E_DEADLINE_XL', 'xl to end');
      while ((await this.#words.some(deadline.signal)) !== undefined);
    } catch (error) {
      this.options.log(`${name}: xl could not be notified to resume its guest: ${messageOf(error)}`);
    }
  }

  /** Before the go: the destination removes its copy, and xl resumes its guest once we have ended. */
  async #giveUp(error: Error): Promise<void> {
    this.#lanes?.destroy(error);
    await this.#destination?.requester
      .request({ type: 'cancel', ...this.#about, error: toWire(error) }, ['outcome'], {
        signal: new AbortController().signal,
        ms: this.options.deadlines.callMs,
      })
      .catch(() => undefined); // the lost connection has the same effect at the destination
  }

  /** xl has released the guest: true if it runs here; rejects if xl has it back or must continue to wait. */
  async #decide(config: GuestConfig): Promise<boolean> {
    const outcome = await this.#outcome(config);
    if (outcome.outcome === 'committed') {
      await this.#say(Buffer.concat([XL_REPORT, Buffer.of(0)]));
      return outcome.running ?? false;
    }
    const error =
      outcome.error === undefined
        ? new ToolstackError('E_TOOLSTACK_RESTORE', 'the destination refused the guest')
        : fromWire(outcome.error);
    // The destination has recorded its refusal: xl may resume the guest.
    await this.#say(REFUSAL);
    throw error;
  }

  /** Requests to finish, and then asks for the outcome until the destination answers. */
  async #outcome(config: GuestConfig): Promise<Extract<Reply, { type: 'outcome' }>> {
    const { deadlines } = this.options;
    const { name, uuid } = config.domain;
    // Must not be abandoned any more: xl waits, and only an answer releases it.
    const signal = this.options.abandon;
    const until = performance.now() + deadlines.finishMs + deadlines.askMs;
    let cause: Error = new AbortedError();
    try {
      const digest = { algorithm: 'sha256' as const, hex: this.#digester.digest() };
      const reply = await this.#destination?.requester.request(
        { type: 'finish', ...this.#about, rawBytes: this.#digester.rawBytes, digest, run: !this.options.paused },
        ['outcome'],
        { signal, ms: deadlines.finishMs },
      );
      if (reply !== undefined && reply.outcome !== 'pending') return reply;
    } catch (error) {
      cause = asError(error);
    }
    while (performance.now() < until && !signal.aborted) {
      try {
        const destination = await this.#connect(signal);
        const reply = await destination.requester.request({ type: 'status', ...this.#about, uuid, name }, ['outcome'], {
          signal,
          ms: deadlines.callMs,
        });
        if (reply.outcome !== 'pending') return reply;
      } catch (error) {
        cause = asError(error);
      }
      await sleep(ASK_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    throw new TunnelError(
      'E_TUNNEL_IN_DOUBT',
      `the destination has not reported whether it has ${name}: ${messageOf(cause)}`,
      {
        cause,
        hint: `Look at the destination with \`xenferry recover\` and \`xenferry list\`. If ${name} runs there, destroy xl's suspended copy here; if it is not there, rename xl's copy back and resume it.`,
      },
    );
  }
}
