import {
  MAX_RECONNECT_MS,
  agreeProtocol,
  decodeWith,
  encode,
  openedSchema,
  type Hello,
  type Open,
  type Opened,
} from '../../control/messages.js';
import { Requester } from '../../control/requester.js';
import { ProtocolError } from '../../errors/errors.js';
import { fromWire } from '../../errors/wire.js';
import type { Connect, Destination, DestinationEvents, OpenLanes } from '../../source/destination.js';
import { FrameLink } from '../../tunnel/frame-link.js';
import type { FramedLink, LaneLink } from '../../tunnel/lane-link.js';
import { LaneSender } from '../../tunnel/lane-sender.js';
import type { Dialer } from '../../tunnel/link.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { MessageChannel, type Resumed } from '../../tunnel/message-channel.js';

/** Features that a destination must have (S28). */
const NEEDED_FEATURES = ['migration-v3', 'migration-params'] as const;

/**
 * How the source reaches a destination through a dialer. The caller keeps the dialer.
 * @param dial opens its first link, if that is not simply dialled
 */
export function connectThrough(
  dialer: Dialer,
  hello: Hello,
  dial: Dialer['dial'] = (signal) => dialer.dial(signal),
): Connect {
  return async (events, signal) => {
    const reconnectMs = Math.min(events.reconnectMs ?? 0, MAX_RECONNECT_MS);
    const control = new FrameLink(await dial(signal), dialer.keepalive);
    try {
      const answer = await control.open(encode({ kind: 'control', hello, reconnectMs }), signal);
      const opened = decodeWith(openedSchema, answer, `answer of ${dialer.target}`);
      if (opened.kind !== 'control') throw wrongRole(dialer);
      checkPeer(hello, opened.hello);
      return new TunnelDestination(dialer, control, opened, { ...events, reconnectMs });
    } catch (error) {
      control.destroy();
      throw error;
    }
  };
}

function wrongRole(dialer: Dialer): ProtocolError {
  return new ProtocolError('E_PROTOCOL_ROLE', `${dialer.target} answered for another kind of connection`);
}

function checkPeer(ours: Hello, theirs: Hello): void {
  agreeProtocol(ours.protocol, theirs.protocol, theirs.hostname);
  const missing = NEEDED_FEATURES.filter((feature) => !theirs.features.includes(feature));
  if (missing.length > 0) {
    throw new ProtocolError(
      'E_PROTOCOL_FEATURE',
      `${theirs.hostname} (${theirs.software}) lacks ${missing.join(', ')}`,
      {
        hint: 'Upgrade the destination to a release that supports incoming migrations.',
      },
    );
  }
}

class TunnelDestination implements Destination {
  readonly hello: Hello;
  readonly requester: Requester;
  readonly #channel: MessageChannel;
  /** How long lost connections are dialled again; 0 if the destination does not wait for us. */
  readonly #reconnectMs: number;

  constructor(
    private readonly dialer: Dialer,
    control: FrameLink,
    opened: Extract<Opened, { kind: 'control' }>,
    private readonly events: DestinationEvents,
  ) {
    const { hello, session } = opened;
    this.hello = hello;
    this.#reconnectMs = session === undefined ? 0 : (events.reconnectMs ?? 0);
    this.#channel = new MessageChannel(control, {
      reconnectMs: this.#reconnectMs,
      ...(session === undefined ? {} : { redial: (heard, signal) => this.#resume(session, heard, signal) }),
      onLost: (error) => events.onConnection?.('lost', undefined, error),
      onBack: () => events.onConnection?.('back', undefined, undefined),
    });
    this.requester = new Requester(
      this.#channel,
      hello.hostname,
      (notice) => events.onFailed(fromWire(notice.error)),
      events.onLost,
    );
  }

  get identity(): PeerIdentity {
    return this.#channel.peer;
  }

  get transport(): string {
    return this.dialer.transport;
  }

  get connected(): boolean {
    return this.#channel.connected;
  }

  async openLanes(options: Parameters<Destination['openLanes']>[0]): Promise<OpenLanes> {
    const dialled = await Promise.allSettled(
      Array.from({ length: options.count }, async (_, index) =>
        this.#openLane(await this.dialer.dialLane(options.signal, false), options.token, index, options.signal),
      ),
    );
    const links = dialled.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []));
    const failed = dialled.find((lane) => lane.status === 'rejected');
    if (failed !== undefined) {
      for (const link of links) link.destroy();
      throw failed.reason;
    }
    const { events, dialer } = this;
    return new LaneSender(links, {
      windowBytes: options.windowBytes,
      windowFrames: options.windowFrames,
      resume: {
        forMs: this.#reconnectMs,
        redial: async (index, signal) =>
          this.#openLane(await dialer.dialLane(signal, true), options.token, index, signal),
        onLost: (index, error) => events.onConnection?.('lost', index, error),
        onBack: (index) => events.onConnection?.('back', index, undefined),
      },
    });
  }

  async #openLane(link: FramedLink, token: string, index: number, signal: AbortSignal): Promise<LaneLink> {
    await openLink(link, { kind: 'lane', token, index }, this.dialer, signal);
    return link;
  }

  async #resume(session: string, heard: number, signal: AbortSignal): Promise<Resumed> {
    const link = new FrameLink(await this.dialer.dialAgain(signal), this.dialer.keepalive);
    const answer = await openLink(link, { kind: 'resume', session, heard }, this.dialer, signal);
    if (answer.kind === 'resume') return { link, heard: answer.heard };
    link.destroy();
    throw wrongRole(this.dialer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.requester[Symbol.asyncDispose]();
    await this.#channel.close();
  }
}

/** Announces the purpose of a new link, and returns the answer. Destroys the link if that fails. */
async function openLink(link: FramedLink, open: Open, dialer: Dialer, signal: AbortSignal): Promise<Opened> {
  try {
    return decodeWith(openedSchema, await link.open(encode(open), signal), `answer of ${dialer.target}`);
  } catch (error) {
    link.destroy();
    throw error;
  }
}
