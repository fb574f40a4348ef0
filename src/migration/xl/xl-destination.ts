import { once } from 'node:events';
import {
  FEATURES,
  PROTOCOL,
  type Finish,
  type Hello,
  type Prepare,
  type Problem,
  type Reply,
  type Request,
} from '../../control/messages.js';
import { isOneOf } from '../../control/requester.js';
import { formatDomainXml } from '../../domain/format.js';
import { withName } from '../../domain/names.js';
import { parseDomainXml } from '../../domain/parse.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { InvariantError, ProtocolError, RefusedError, ToolstackError, TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { toWire } from '../../errors/wire.js';
import { encodeXlHead, type SavedConfig } from '../../savefile/xl-header.js';
import { XL_BANNER_LINE, XL_GO, XL_INCOMING_SUFFIX, XL_READY, XL_REPORT } from '../../savefile/xl-handshake.js';
import type { Connect, Destination, DestinationEvents, OpenLanes } from '../../source/destination.js';
import { formatConfig } from '../../toolstack/libxl/domain-config.js';
import type { ChannelStream, RemoteExit } from '../../tunnel/ssh/channel-stream.js';
import { readMarkedLine } from '../../tunnel/ssh/marked-line.js';
import { SshConnection, type SshConnectOptions } from '../../tunnel/ssh/ssh-connection.js';
import { nameOfTarget, type SshTarget } from '../../tunnel/ssh/ssh-target.js';
import { ByteReader } from './byte-reader.js';
import { parseXlList, type XlRow } from './xl-list.js';
import { XlLane } from './xl-lane.js';

/** Output of a login shell that may come before the banner. */
const MAX_NOISE_BYTES = 64 * 1024;
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** xl's protocol has no tokens: there is only one ssh channel. */
const NO_TOKEN = '0'.repeat(64);

type Outcome = Extract<Reply, { type: 'outcome' }>;

/** Options of an xl destination. */
export interface XlPeerOptions extends SshConnectOptions {
  /** xl's name at the far host; `xl` if absent. */
  readonly remoteCommand?: string;
}

/**
 * How the source reaches a host that has only xl: `xl migrate-receive` over ssh. xl keeps no
 * record of its decision. So if the answer to our last message is lost, only a guest that is seen there
 * under its own name counts as arrived; a guest that is not seen proves nothing.
 */
export function connectToXl(target: SshTarget, options: XlPeerOptions): Connect {
  return async (events, signal) =>
    new XlDestination(
      await SshConnection.open(target, options, signal),
      nameOfTarget(target),
      options.remoteCommand ?? 'xl',
      events,
    );
}

/** A running `xl migrate-receive`. */
interface Receiver {
  readonly channel: ChannelStream;
  readonly words: ByteReader;
}

class XlDestination implements Destination {
  readonly transport = 'xl+ssh';
  readonly requester: Destination['requester'] = {
    request: (request, expected, wait) => this.#request(request, expected, wait),
  };
  #receiver: Receiver | undefined;
  /** From here on xl may let the guest run at any time. */
  #saidGo = false;
  #closing = false;

  constructor(
    private readonly connection: SshConnection,
    private readonly host: string,
    private readonly command: string,
    private readonly events: DestinationEvents,
  ) {}

  get hello(): Hello {
    return {
      protocol: PROTOCOL,
      software: 'xl',
      hostname: this.host,
      // xl keeps no definitions.
      features: FEATURES.filter((feature) => feature !== 'persist-dest'),
      streamVersions: [2],
    };
  }

  get identity(): Destination['identity'] {
    return this.connection.peer;
  }

  openLanes(): Promise<OpenLanes> {
    if (this.#receiver === undefined) throw new InvariantError('lanes before prepare');
    return Promise.resolve(new XlLane(this.#receiver.channel));
  }

  async #request<T extends Reply['type']>(
    request: Request,
    expected: readonly T[],
    wait: { readonly signal: AbortSignal; readonly ms: number },
  ): Promise<Extract<Reply, { type: T }>> {
    using deadline = new Deadline(wait.signal, wait.ms, 'E_DEADLINE_PEER', `${request.type} at xl on ${this.host}`);
    const reply = await this.#answer(request, deadline.signal);
    if (isOneOf(reply, expected)) return reply;
    throw new InvariantError(`${request.type} was answered with ${reply.type}`);
  }

  #answer(request: Request, signal: AbortSignal): Promise<Reply> {
    switch (request.type) {
      case 'prepare':
        return this.#prepare(request, signal);
      case 'finish':
        return this.#finish(request, signal);
      case 'cancel':
        return this.#cancel(signal);
      case 'status':
        return this.#status(request.uuid, signal);
      case 'confirm':
        return Promise.resolve({ type: 'confirmed' });
    }
  }

  async #prepare(request: Prepare, signal: AbortSignal): Promise<Reply> {
    const sent = parseDomainXml(request.xml, { trust: 'stored' });
    const domain = request.dname === undefined ? sent : withName(sent, request.dname);
    const problems = problemsOf(await this.#list(signal), domain.uuid, domain.name, this.host);
    if (problems.length > 0) return { type: 'refused', problems };
    const config: SavedConfig =
      request.native === undefined
        ? { format: 'domain-xml', text: formatDomainXml(domain) }
        : { format: 'libxl-json', text: formatConfig({ domain, native: request.native }) };
    const paused = request.run === false ? ' -p' : '';
    const channel = await this.#exec(`migrate-receive${paused}`, signal);
    this.#watch(channel);
    await readMarkedLine(channel, XL_BANNER_LINE, { noiseBytes: MAX_NOISE_BYTES, lineBytes: 256 }, signal);
    this.#receiver = { channel, words: new ByteReader(channel, `xl on ${this.host}`) };
    await written(channel, encodeXlHead(config), signal);
    return { type: 'prepared', token: NO_TOKEN, windowBytes: request.windowBytes };
  }

  /** An xl that ends before its report has aborted the migration. */
  #watch(channel: ChannelStream): void {
    const lost = (error: Error): void => {
      if (!this.#closing && !this.#saidGo) this.events.onLost(error);
    };
    channel.once('error', lost);
    channel.once('close', () => {
      lost(new TunnelError('E_TUNNEL_CLOSED', `xl on ${this.host} ended before it had the whole guest`));
    });
  }

  async #finish(request: Finish, signal: AbortSignal): Promise<Outcome> {
    const receiver = this.#receiver;
    if (receiver === undefined) throw new InvariantError('finish before prepare');
    try {
      await receiver.words.expect(XL_READY, 'the report that the guest was restored', signal);
    } catch (error) {
      // The go was not sent, so the guest cannot run there: xl destroys its copy when the channel ends.
      await this.#endReceiver(receiver, signal);
      return { type: 'outcome', outcome: 'aborted', error: toWire(asError(error)) };
    }
    this.#saidGo = true;
    await written(receiver.channel, XL_GO, signal);
    await receiver.words.expect(XL_REPORT, 'its report', signal);
    const [status] = await receiver.words.exactly(1, 'its status', signal);
    if (status === 0) return { type: 'outcome', outcome: 'committed', running: request.run };
    await receiver.words.expect(XL_GO, 'the report that its copy is gone', signal);
    const why = receiver.channel.stderr.slice(-3).join(' | ');
    const error = new ToolstackError(
      'E_TOOLSTACK_UNPAUSE',
      `xl on ${this.host} could not unpause the guest (status ${status})${why === '' ? '' : `: ${why}`}`,
      { hint: "Look at xl's log on that host, in /var/log/xen." },
    );
    return { type: 'outcome', outcome: 'aborted', error: toWire(error) };
  }

  async #cancel(signal: AbortSignal): Promise<Outcome> {
    if (this.#saidGo) return { type: 'outcome', outcome: 'pending' };
    if (this.#receiver !== undefined) await this.#endReceiver(this.#receiver, signal);
    return { type: 'outcome', outcome: 'aborted' };
  }

  /** Closes xl's input, upon which xl removes its copy, and waits for that. */
  async #endReceiver({ channel }: Receiver, signal: AbortSignal): Promise<void> {
    this.#closing = true;
    if (channel.closed) return;
    const closed = once(channel, 'close', { signal }).catch(() => undefined); // late or broken: it ends with the connection
    channel.resume();
    channel.end();
    await closed;
  }

  /** Only a guest that is seen counts, see `connectToXl`. */
  async #status(uuid: string, signal: AbortSignal): Promise<Outcome> {
    const found = (await this.#list(signal)).find((row) => row.uuid === uuid);
    if (found !== undefined && !found.name.endsWith(XL_INCOMING_SUFFIX)) {
      return { type: 'outcome', outcome: 'committed', running: !found.paused };
    }
    const seen =
      found === undefined
        ? 'has no such domain now: it may have destroyed its copy, or the guest ran there and has stopped since'
        : `still holds its copy as ${found.name} (id ${found.domid}), which has not been unpaused`;
    throw new RefusedError('E_REFUSED_XL_SILENT', `${this.host} ${seen}; xl keeps no record of its decision`, {
      hint: "Look at xl's log on that host, in /var/log/xen, before you resume or destroy either copy by hand.",
    });
  }

  async #list(signal: AbortSignal): Promise<XlRow[]> {
    const channel = await this.#exec('list -v', signal);
    try {
      channel.end();
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      const reader = new ByteReader(channel, `xl on ${this.host}`);
      for (let chunk = await reader.some(signal); chunk !== undefined; chunk = await reader.some(signal)) {
        bytes += chunk.length;
        if (bytes > MAX_LIST_BYTES) {
          throw new ProtocolError(
            'E_PROTOCOL_XL',
            `the list of domains on ${this.host} is over ${MAX_LIST_BYTES} bytes`,
          );
        }
        chunks.push(chunk);
      }
      return parseXlList(Buffer.concat(chunks).toString('utf8'));
    } finally {
      channel.destroy();
    }
  }

  #exec(words: string, signal: AbortSignal): Promise<ChannelStream> {
    const command = `${this.command} ${words}`;
    return this.connection.exec(command, (exit) => exitError(exit, this.host, command), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.connection.destroy();
    return Promise.resolve();
  }
}

function problemsOf(rows: readonly XlRow[], uuid: string, name: string, host: string): Problem[] {
  const problems: Problem[] = [];
  if (rows.some((row) => row.uuid === uuid)) {
    problems.push({
      code: 'E_REFUSED_UUID_TAKEN',
      message: `${host} has a domain with UUID ${uuid} already`,
      remedy: 'If it is a leftover of an earlier attempt, end it there.',
    });
  }
  if (rows.some((row) => row.name === name || row.name === name + XL_INCOMING_SUFFIX)) {
    problems.push({
      code: 'E_REFUSED_NAME_TAKEN',
      message: `${host} has a domain named ${name} already`,
      remedy: 'Give another name with --dname.',
    });
  }
  return problems;
}

const NOT_FOUND = 127;

function exitError(exit: RemoteExit, host: string, command: string): TunnelError | undefined {
  if (exit.code === 0) return undefined;
  const said = exit.stderr.length === 0 ? '' : `: ${exit.stderr.slice(-3).join(' | ')}`;
  if (exit.code === NOT_FOUND) {
    return new TunnelError('E_TUNNEL_REMOTE_COMMAND', `xl is not installed on ${host}${said}`, {
      hint: 'Is that a Xen host? Name xl there with --remote-command PATH.',
    });
  }
  const how =
    exit.code === undefined ? `was ended by ${exit.signal ?? 'a signal'}` : `ended with exit code ${exit.code}`;
  return new TunnelError('E_TUNNEL_REMOTE_EXIT', `\`${command}\` on ${host} ${how}${said}`, {
    hint: "Look at xl's log on that host, in /var/log/xen.",
  });
}

/** Writes the bytes; resolves when the connection has taken them. */
async function written(channel: ChannelStream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    channel.write(bytes, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  await orAborted(done, signal);
}
