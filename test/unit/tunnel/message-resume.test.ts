import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TunnelError } from '../../../src/errors/errors.js';
import { MessageChannel, type Resumed } from '../../../src/tunnel/message-channel.js';
import { PeerRefusal } from '../../../src/tunnel/refusal.js';
import { UnackedMessages } from '../../../src/tunnel/unacked-messages.js';
import { openPair, type OpenPair } from './duplex-pair.js';

const never = new AbortController().signal;

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

/** Two ends of a conversation over links that can be cut. */
class Conversation {
  pair: OpenPair;
  readonly near: MessageChannel;
  readonly far: MessageChannel;
  redials = 0;
  obstacle: Error | undefined;

  private constructor(pair: OpenPair, reconnectMs: number) {
    this.pair = pair;
    this.far = new MessageChannel(pair.far, { reconnectMs });
    this.near = new MessageChannel(pair.near, { reconnectMs, redial: (heard) => this.#resume(heard) });
  }

  static async open(reconnectMs = 20_000): Promise<Conversation> {
    return new Conversation(await openPair(), reconnectMs);
  }

  async #resume(heard: number): Promise<Resumed> {
    this.redials += 1;
    if (this.obstacle !== undefined) throw this.obstacle;
    const pair = await openPair();
    const theirs = this.far.detach();
    this.far.adopt({ link: pair.far, heard });
    this.pair = pair;
    return { link: pair.near, heard: theirs };
  }

  cut(): void {
    this.pair.a.duplex.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }
}

async function hear(channel: MessageChannel, count: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) {
    const message = await channel.receive(never);
    if (message === undefined) throw new Error('a goodbye');
    heard.push(Buffer.from(message).toString());
  }
  return heard;
}

describe('a conversation whose link is lost', () => {
  it('F12 F13 F17: loses no message and hears none twice, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('near', 'far', 'cut'), { minLength: 1, maxLength: 30 }),
        async (steps) => {
          const talk = await Conversation.open();
          const counts = {
            near: steps.filter((step) => step === 'near').length,
            far: steps.filter((step) => step === 'far').length,
          };
          // One more each way: a side that has heard all goes on reading, which is what replaces a link.
          const hearing = Promise.all([hear(talk.near, counts.far + 1), hear(talk.far, counts.near + 1)]);
          const said = { near: 0, far: 0 };
          for (const step of steps) {
            if (step === 'cut') talk.cut();
            else await talk[step].send(Buffer.from(`${step} ${said[step]++}`));
          }
          await talk.near.send(Buffer.from('last'));
          await talk.far.send(Buffer.from('last'));
          const [atNear, atFar] = await hearing;
          expect(atNear).toEqual([...Array.from({ length: counts.far }, (_, n) => `far ${n}`), 'last']);
          expect(atFar).toEqual([...Array.from({ length: counts.near }, (_, n) => `near ${n}`), 'last']);
          talk.near.destroy();
          talk.far.destroy();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('F9: ends on both sides when nothing came back in time', async () => {
    const talk = await Conversation.open(50);
    talk.obstacle = new TunnelError('E_TUNNEL_UNREACHABLE', 'nobody there');
    const ends = [
      expect(talk.near.receive(never)).rejects.toMatchObject({
        code: 'E_TUNNEL_LOST',
        cause: { code: 'E_TUNNEL_UNREACHABLE' },
      }),
      expect(talk.far.receive(never)).rejects.toEqual(code('E_TUNNEL_LOST')),
    ];
    talk.cut();
    await Promise.all(ends);
    await expect(talk.near.send(Buffer.from('x'))).rejects.toEqual(code('E_TUNNEL_LOST'));
  });

  it('is over at once when the far end knows nothing of it', async () => {
    const talk = await Conversation.open();
    talk.obstacle = new PeerRefusal('E_PROTOCOL_SESSION', 'no conversation waits for this connection');
    talk.cut();
    await expect(talk.near.receive(never)).rejects.toEqual(code('E_PROTOCOL_SESSION'));
    expect(talk.redials).toBe(1);
    talk.far.destroy();
  });

  it('refuses a count of heard messages that cannot be', async () => {
    const talk = await Conversation.open();
    const pair = await openPair();
    talk.far.detach();
    talk.far.adopt({ link: pair.far, heard: 5 });
    await expect(talk.far.receive(never)).rejects.toEqual(code('E_PROTOCOL_RESUME'));
    talk.near.destroy();
  });

  it('stops waiting when it is destroyed, and when its reader gives up', async () => {
    const talk = await Conversation.open();
    talk.obstacle = new TunnelError('E_TUNNEL_UNREACHABLE', 'nobody there');
    talk.cut();
    const stop = new AbortController();
    const gaveUp = expect(talk.near.receive(stop.signal)).rejects.toEqual(code('E_TUNNEL_SILENT'));
    stop.abort(new TunnelError('E_TUNNEL_SILENT', 'enough'));
    await gaveUp;
    const ended = expect(talk.far.receive(never)).rejects.toEqual(code('E_TUNNEL_CLOSED'));
    talk.far.destroy();
    await ended;
    talk.near.destroy();
  });
});

describe('messages that were not heard yet', () => {
  it('are bounded: a peer that never says it hears does not fill the memory', () => {
    const kept = new UnackedMessages();
    const fill = (): void => {
      for (let n = 0; n < 100; n += 1) kept.keep(Buffer.alloc(10), 'peer');
    };
    expect(fill).toThrow(code('E_TUNNEL_UNHEARD'));
    expect(kept.after(0)).toHaveLength(64);
    expect(kept.acknowledge(60)).toBe(true);
    expect(kept.after(60)).toHaveLength(4);
    expect(kept.acknowledge(59)).toBe(false);
    expect(kept.acknowledge(65)).toBe(false);
    expect(() => {
      for (let n = 0; n < 5; n += 1) kept.keep(Buffer.alloc(4 * 1024 * 1024), 'peer');
    }).toThrow(code('E_TUNNEL_UNHEARD'));
  });
});
