import { agreeProtocol, decodeWith, encode, openedSchema, type Hello } from '../control/messages.js';
import { Requester } from '../control/requester.js';
import { ProtocolError } from '../errors/errors.js';
import { fromWire } from '../errors/wire.js';
import type { Connect, Destination, DestinationEvents, OpenLanes } from '../source/destination.js';
import { FrameLink } from '../tunnel/frame-link.js';
import { LaneSender } from '../tunnel/lane-sender.js';
import type { Dialer } from '../tunnel/link.js';
import { MessageChannel } from '../tunnel/message-channel.js';

/** What a destination must be able to do for us (S28). */
const NEEDED_FEATURES = ['migration-v3', 'migration-params'] as const;

/** How the leaving side reaches a destination through a dialer. The dialer stays its owner's. */
export function connectThrough(dialer: Dialer, hello: Hello): Connect {
  return async (events, signal) => {
    const control = new FrameLink(await dialer.dial(signal));
    try {
      const answer = await control.open(encode({ kind: 'control', hello }), signal);
      const opened = decodeWith(openedSchema, answer, `answer of ${dialer.target}`);
      if (opened.kind !== 'control') throw new ProtocolError('E_PROTOCOL_ROLE', `${dialer.target} answered for a lane`);
      checkPeer(hello, opened.hello);
      return new TunnelDestination(dialer, control, opened.hello, events);
    } catch (error) {
      control.destroy();
      throw error;
    }
  };
}

function checkPeer(ours: Hello, theirs: Hello): void {
  agreeProtocol(ours.protocol, theirs.protocol, theirs.hostname);
  const missing = NEEDED_FEATURES.filter((feature) => !theirs.features.includes(feature));
  if (missing.length > 0) {
    throw new ProtocolError(
      'E_PROTOCOL_FEATURE',
      `${theirs.hostname} (${theirs.software}) lacks ${missing.join(', ')}`,
      {
        hint: 'Bring the destination to a release that can take migrations.',
      },
    );
  }
}

class TunnelDestination implements Destination {
  readonly requester: Requester;

  constructor(
    private readonly dialer: Dialer,
    private readonly control: FrameLink,
    readonly hello: Hello,
    events: DestinationEvents,
  ) {
    this.requester = new Requester(
      new MessageChannel(control),
      hello.hostname,
      (notice) => events.onFailed(fromWire(notice.error)),
      events.onLost,
    );
  }

  get identity(): FrameLink['peer'] {
    return this.control.peer;
  }

  get transport(): string {
    return this.dialer.transport;
  }

  async openLanes(options: Parameters<Destination['openLanes']>[0]): Promise<OpenLanes> {
    const dialled = await Promise.allSettled(
      Array.from({ length: options.count }, (_, index) => this.#openLane(options.token, index, options.signal)),
    );
    const links = dialled.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []));
    const failed = dialled.find((lane) => lane.status === 'rejected');
    if (failed !== undefined) {
      for (const link of links) link.destroy();
      throw failed.reason;
    }
    return new LaneSender(links, { windowBytes: options.windowBytes });
  }

  async #openLane(token: string, index: number, signal: AbortSignal): Promise<FrameLink> {
    const link = new FrameLink(await this.dialer.dial(signal));
    try {
      const answer = await link.open(encode({ kind: 'lane', token, index }), signal);
      decodeWith(openedSchema, answer, `answer of ${this.dialer.target}`);
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.requester[Symbol.asyncDispose]();
    await this.control.close();
  }
}
