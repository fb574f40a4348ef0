import { createHash, randomBytes } from 'node:crypto';
import { encode, type Open } from '../../control/messages.js';
import { ProtocolError, RefusedError } from '../../errors/errors.js';
import type { FramedLink } from '../../tunnel/lane-link.js';
import { MessageChannel } from '../../tunnel/message-channel.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';

/** Most conversations at once, with one peer and with all. One whose link was lost counts while it waits. */
export const MOST_WITH_ONE_PEER = 256;
export const MOST_CONVERSATIONS = 1024;

interface Conversation {
  readonly channel: MessageChannel;
  /** The authenticated peer that began it: only that name with that key may continue it. */
  readonly peer: PeerIdentity;
}

/** A conversation that has begun. Its holder disposes of it: then it cannot be continued any more. */
export interface BegunConversation extends Disposable {
  readonly channel: MessageChannel;
  /** The secret with which the other side continues over a new link; undefined if it did not request that. */
  readonly session: string | undefined;
}

/** The control conversations that are open here, so that one whose link was lost can be resumed. */
export class Conversations {
  /** By a digest of the secret: a look-up reveals nothing about the others. */
  readonly #open = new Map<string, Conversation>();
  /** Number of conversations of each peer, including those without a secret. */
  readonly #counts = new Map<string, number>();
  #count = 0;

  /**
   * Begins a conversation over a link that is about to be answered.
   * @param reconnectMs longest time that it is kept after the loss of its link
   * @throws RefusedError `E_REFUSED_CONVERSATIONS` if too many are open
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

  /** Counts a conversation of the peer. @returns a function that removes it from the count */
  #counted(peer: string): () => void {
    const withPeer = this.#counts.get(peer) ?? 0;
    if (withPeer >= MOST_WITH_ONE_PEER || this.#count >= MOST_CONVERSATIONS) {
      const [count, whose] = withPeer >= MOST_WITH_ONE_PEER ? [withPeer, ` of ${peer}`] : [this.#count, ''];
      throw new RefusedError('E_REFUSED_CONVERSATIONS', `${count} conversations${whose} are open here`, {
        hint: 'Try again when some have ended; one whose connection was lost ends after its --reconnect-timeout.',
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
   * Continues a conversation over a new link, which has requested it and is answered here.
   * @throws ProtocolError `E_PROTOCOL_SESSION` if there is none: it has ended, or belongs to another peer
   */
  async resume(open: Extract<Open, { kind: 'resume' }>, link: FramedLink): Promise<void> {
    const conversation = this.#open.get(keyOf(open.session));
    if (conversation?.peer.name !== link.peer.name || conversation.peer.key !== link.peer.key) {
      throw new ProtocolError('E_PROTOCOL_SESSION', 'no conversation waits for this connection', {
        hint: 'The destination abandoned the migration while it could not be reached; start it again.',
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
