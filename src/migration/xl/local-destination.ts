import type { Reply, Request } from '../../control/messages.js';
import { isOneOf } from '../../control/requester.js';
import { Arrivals } from '../../dest/arrivals.js';
import type { SourceConnection } from '../../dest/source-connection.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { AbortedError, InvariantError, ProtocolError } from '../../errors/errors.js';
import { fromWire } from '../../errors/wire.js';
import type { Connect, Destination, DestinationEvents, OpenLanes } from '../../source/destination.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import type { Host } from '../../host/host.js';
import { arrivalsOf } from '../../operations/running/incoming.js';
import { ChunkQueue } from './chunk-queue.js';

/** This process as a destination: guests arrive without a tunnel. */
export function connectToSelf(host: Host, source: PeerIdentity, log: (line: string) => void): Connect {
  return async (events, signal) => new LocalDestination(host, await host.hello(signal), source, events, log);
}

class LocalDestination implements Destination {
  readonly transport = 'local';
  readonly requester: Destination['requester'] = {
    request: (request, expected, wait) => this.#request(request, expected, wait),
  };
  readonly #arrivals: Arrivals<never>;
  readonly #connection: SourceConnection;
  #queue: ChunkQueue | undefined;
  #openLanes: () => void = () => undefined;

  constructor(
    host: Host,
    readonly hello: Destination['hello'],
    readonly identity: PeerIdentity,
    events: DestinationEvents,
    log: (line: string) => void,
  ) {
    this.#connection = {
      peer: identity.name,
      hostname: identity.address,
      notify: (_migration, _epoch, error) => {
        events.onFailed(error);
      },
    };
    this.#arrivals = new Arrivals<never>({
      ...arrivalsOf(host),
      makeLanes: () => {
        const queue = new ChunkQueue();
        this.#queue = queue;
        const opened = new Promise<void>((resolve) => {
          this.#openLanes = resolve;
        });
        return {
          opened,
          chunks: queue,
          attach: () => {
            throw new InvariantError('nothing attaches to a local arrival');
          },
          destroy: (error) => {
            queue.fail(error);
          },
        };
      },
      onEvent: () => undefined,
      log,
    });
  }

  openLanes(): Promise<OpenLanes> {
    const queue = this.#queue;
    if (queue === undefined) throw new InvariantError('lanes before prepare');
    this.#openLanes();
    return Promise.resolve({
      count: 1,
      get wireBytes(): number {
        return queue.bytes;
      },
      // The writer may reuse the chunk at once, before the reader has used it.
      write: (chunk) => queue.put(Uint8Array.from(chunk)),
      end: () => {
        queue.end();
        return Promise.resolve({ rawBytes: queue.bytes, wireBytes: queue.bytes });
      },
      destroy: (error) => {
        queue.fail(error ?? new AbortedError());
      },
    });
  }

  async #request<T extends Reply['type']>(
    request: Request,
    expected: readonly T[],
    wait: { readonly signal: AbortSignal; readonly ms: number },
  ): Promise<Extract<Reply, { type: T }>> {
    using deadline = new Deadline(wait.signal, wait.ms, 'E_DEADLINE_PEER', `${request.type} on this host`);
    const reply = await orAborted(this.#arrivals.answer(request, this.#connection), deadline.signal);
    if (reply.type === 'error') throw fromWire(reply.error);
    if (isOneOf(reply, expected)) return reply;
    throw new ProtocolError('E_PROTOCOL_REPLY', `${request.type} was answered with ${reply.type}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#arrivals.lost(this.#connection, undefined);
    await this.#arrivals.settled();
  }
}
