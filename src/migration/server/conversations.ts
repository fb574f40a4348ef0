import { createHash, randomBytes } from 'node:crypto';
import { encode, type Open } from '../../control/messages.js';
import { ProtocolError, RefusedError } from '../../errors/errors.js';
import type { FramedLink } from '../../tunnel/lane-link.js';
import { MessageChannel } from '../../tunnel/message-channel.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';

/** At once, with one peer and with all. One whose link was lost counts for as long as it waits. */
export const MOST_WITH_ONE_PEER = 256;
export const MOST_CONVERSATIONS = 1024;

interface Conversation {
  readonly channel: MessageChannel;
  /** Who the transport says began it: no other name, and no other key, may go on with it. */
  readonly peer: PeerIdentity;
}

/** A conversation that has begun. Whoever holds it disposes it: then nobody can go on with it any more. */
export interface BegunConversation extends Disposable {
  readonly channel: MessageChannel;
  /** The secret with which the other side goes on over a new link; undefined where it did not ask for that. */
  readonly session: string | undefined;
}

/** The control conversations that are open here, so that one whose link was lost finds its way back to where it was. */
export class Conversations {
  /** By a digest of the secret: looking one up tells nothing of the others. */
  readonly #open = new Map<string, Conversation>();
  /** How many each peer has, those without a secret as well. */
  readonly #counts = new Map<string, number>();
  #count = 0;

  /**
   * Begins a conversation over a link that is about to be answered.
   * @param reconnectMs how long it outlives the loss of its link
   * @throws RefusedError `E_REFUSED_CONVERSATIONS` where too many are open
   */
  begin(link: FramedLink, reconnectMs: number): BegunConversation {
    const peer = link.peer.name;
    const ended = this.#counted(peer);
    const channel = new MessageChannel(link, { reconnectMs });
    if (reconnectMs === 0) return { channel, session: undefined, [Symbol.dispose]: ended };
    const session = randomBytes(32).toString('hex');
    const key = keyOf(session);
    this.#open.set(key, { channel, peer: link.peer });
    return {
      channel,
      session,
      [Symbol.dispose]: () => {
        this.#open.delete(key);
        ended();
      },
    };
  }

  /** @returns what takes it off the count again */
  #counted(peer: string): () => void {
    const withPeer = this.#counts.get(peer) ?? 0;
    if (withPeer >= MOST_WITH_ONE_PEER || this.#count >= MOST_CONVERSATIONS) {
      const [count, whose] = withPeer >= MOST_WITH_ONE_PEER ? [withPeer, ` of ${peer}`] : [this.#count, ''];
      throw new RefusedError('E_REFUSED_CONVERSATIONS', `${count} conversations${whose} are open here already`, {
        hint: 'Try again when some have ended; one whose connection was lost ends behind its --reconnect-timeout.',
      });
    }
    this.#counts.set(peer, withPeer + 1);
    this.#count += 1;
    return () => {
      const left = (this.#counts.get(peer) ?? 1) - 1;
      if (left === 0) this.#counts.delete(peer);
      else this.#counts.set(peer, left);
      this.#count -= 1;
    };
  }

  /**
   * Goes on with a conversation over a new link, which has said so and is answered here.
   * @throws ProtocolError `E_PROTOCOL_SESSION` where there is none: it has ended, or is another peer's
   */
  async resume(open: Extract<Open, { kind: 'resume' }>, link: FramedLink): Promise<void> {
    const conversation = this.#open.get(keyOf(open.session));
    if (conversation?.peer.name !== link.peer.name || conversation.peer.key !== link.peer.key) {
      throw new ProtocolError('E_PROTOCOL_SESSION', 'no conversation waits for this connection', {
        hint: 'The destination gave the migration up while it could not be reached; start it again.',
      });
    }
    const { channel } = conversation;
    const heard = channel.detach();
    await link.answer(encode({ kind: 'resume', heard }));
    channel.adopt({ link, heard: open.heard });
  }
}

function keyOf(session: string): string {
  return createHash('sha256').update(session).digest('hex');
}
