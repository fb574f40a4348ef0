import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { RefusedError } from '../../../src/errors/errors.js';
import { FrameLink } from '../../../src/tunnel/frame-link.js';
import { FrameType, bareFrame, encodeHeader, type Frame } from '../../../src/tunnel/frame.js';
import { MessageChannel } from '../../../src/tunnel/message-channel.js';
import { linkPair, openPair } from './duplex-pair.js';

const { signal } = new AbortController();

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

function message(sequence: number, text: string): Frame {
  return { type: FrameType.MESSAGE, sequence, offset: 0, payload: Buffer.from(text) };
}

describe('opening a link', () => {
  it('carries one payload each way', async () => {
    const pair = linkPair();
    const near = new FrameLink(pair.a);
    const far = new FrameLink(pair.b);
    const answered = near.open(Buffer.from('for control'), signal);
    expect(Buffer.from(await far.awaitOpen(signal)).toString()).toBe('for control');
    await far.answer(Buffer.from('granted'));
    expect(Buffer.from(await answered).toString()).toBe('granted');
    await Promise.all([near.close(), far.close()]);
  });

  it('tells the dialler why it is refused, and ends', async () => {
    const pair = linkPair();
    const near = new FrameLink(pair.a);
    const far = new FrameLink(pair.b);
    const answered = near.open(Buffer.from('let me in'), signal);
    await far.awaitOpen(signal);
    const reason = new RefusedError('E_REFUSED_NAME_TAKEN', 'the name "web" is taken', { hint: 'Use --dname.' });
    await Promise.all([
      far.refuse(reason),
      expect(answered).rejects.toMatchObject({
        code: 'E_REFUSED_NAME_TAKEN',
        hint: 'Use --dname.',
        message: 'far:1 refused the connection: the name "web" is taken',
      }),
    ]);
    expect(pair.a.duplex.destroyed).toBe(true);
    expect(pair.b.duplex.destroyed).toBe(true);
  });

  it('is cut, not refused, once it has been answered', async () => {
    const { near, far, b } = await openPair();
    await far.refuse(new RefusedError('E_REFUSED_TOO_LATE', 'changed my mind'));
    expect(b.duplex.destroyed).toBe(true);
    await expect(far.receive()).rejects.toEqual(code('E_REFUSED_TOO_LATE'));
    await expect(near.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
  });

  it.each([
    ['not JSON', 'E_TUNNEL_REFUSED'],
    ['{"code":"rm -rf","message":"x"}', 'E_TUNNEL_REFUSED'],
    ['{"code":"E_X","message":"a\\u001b[2Jb"}', 'E_X'],
    ['null', 'E_TUNNEL_REFUSED'],
  ])('does not trust what a refusal says: %s', async (body, expected) => {
    const pair = linkPair();
    const near = new FrameLink(pair.a);
    const refused: Frame = { type: FrameType.REFUSED, sequence: 0, offset: 0, payload: Buffer.from(body) };
    pair.b.duplex.write(Buffer.concat([encodeHeader(refused), refused.payload]));
    const error = await near.open(Buffer.from('x'), signal).catch((thrown: unknown) => thrown);
    expect(error).toEqual(code(expected));
    expect((error as Error).message).not.toMatch(/\p{Cc}/u);
  });

  it('gives up at the deadline of whoever waits: a peer that says nothing', async () => {
    const pair = linkPair();
    const near = new FrameLink(pair.a);
    await expect(near.open(Buffer.from('x'), AbortSignal.timeout(20))).rejects.toThrow(/timeout/);
    near.destroy();
  });

  it('fails on a link that is dead already', async () => {
    const pair = linkPair();
    pair.a.duplex.destroy();
    const near = new FrameLink(pair.a);
    await expect(near.open(Buffer.from('x'), signal)).rejects.toEqual(code('E_TUNNEL_CUT'));
    await near.close();
  });
});

describe('an open link', () => {
  it('carries frames in order both ways', async () => {
    const { near, far } = await openPair();
    await Promise.all([near.send(message(0, 'one')), near.send(message(1, 'two')), far.send(message(0, 'back'))]);
    expect((await far.receive(signal))?.payload.toString()).toBe('one');
    expect((await far.receive(signal))?.payload.toString()).toBe('two');
    expect((await near.receive(signal))?.payload.toString()).toBe('back');
    await Promise.all([near.close(), far.close()]);
    expect(await far.receive(signal)).toBeUndefined();
  });

  it('hands over what came before the goodbye', async () => {
    const { near, far } = await openPair();
    await near.send(message(0, 'last words'));
    await near.close();
    expect((await far.receive())?.payload.toString()).toBe('last words');
    expect(await far.receive()).toBeUndefined();
    expect(far.failure).toBeUndefined();
    await expect(far.send(message(0, 'late'))).rejects.toEqual(code('E_TUNNEL_CLOSED'));
  });

  it('F30: takes an end without a goodbye for an error, after what came before it', async () => {
    const { near, far, a } = await openPair();
    await near.send(message(0, 'last words'));
    a.duplex.end();
    expect((await far.receive())?.payload.toString()).toBe('last words');
    await expect(far.receive()).rejects.toEqual(code('E_TUNNEL_CUT'));
  });

  it('F30: says when the end came in the middle of a frame', async () => {
    const { far, a } = await openPair();
    a.duplex.end(encodeHeader(message(0, 'never sent')));
    await expect(far.receive()).rejects.toThrow(/in the middle of a frame/);
  });

  it('F6: names a reset, and wakes a sender that waits for room', async () => {
    const { near, a, b } = await openPair();
    b.duplex.pause();
    const big = { type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(2 * 1024 * 1024) } as const;
    const sending = near.send(big);
    const lost = expect(sending).rejects.toEqual(code('E_TUNNEL_LOST'));
    a.duplex.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    await lost;
    await expect(near.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
  });

  it('F19: ends at a frame whose payload was changed on the way', async () => {
    let changes = false;
    const onWire = (chunk: Buffer): Buffer => {
      if (!changes) return chunk;
      const changed = Buffer.from(chunk);
      changed[changed.length - 1] ^= 1;
      return changed;
    };
    const { near, far } = await openPair({ onWire });
    changes = true;
    await near.send(message(0, 'guest memory'));
    await expect(far.receive()).rejects.toMatchObject({ code: expect.stringMatching(/^E_PROTOCOL_FRAME_/) as string });
    await expect(near.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
  });

  it('hands over what came before a broken frame, though in one piece with it', async () => {
    const { far, a } = await openPair();
    const good = message(0, 'report');
    const bad = encodeHeader(bareFrame(FrameType.PING, 1));
    bad[9] ^= 1;
    a.duplex.write(Buffer.concat([encodeHeader(good), good.payload, bad]));
    expect((await far.receive())?.payload.toString()).toBe('report');
    await expect(far.receive()).rejects.toEqual(code('E_PROTOCOL_FRAME_HEADER'));
  });

  it('makes a sender wait while the peer does not read', async () => {
    const { near, far, b } = await openPair();
    b.duplex.pause();
    const first = { type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(1024 * 1024) } as const;
    let sent = false;
    const sending = near.send(first).then(() => {
      sent = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBe(false);
    b.duplex.resume();
    await sending;
    expect((await far.receive())?.payload.length).toBe(first.payload.length);
  });

  it('stops reading when nobody takes the frames, and goes on when somebody does', async () => {
    const { near, far, b } = await openPair();
    const total = 400;
    const sending = (async () => {
      for (let n = 0; n < total; n += 1) {
        await near.send({ type: FrameType.MESSAGE, sequence: n, offset: 0, payload: Buffer.alloc(64 * 1024, n) });
      }
    })();
    await eventually(() => {
      expect(b.duplex.isPaused()).toBe(true);
    });
    expect(far.receivedBytes).toBeLessThan(64 * (64 * 1024 + 32) + 9 * 1024 * 1024);
    for (let n = 0; n < total; n += 1) expect((await far.receive())?.sequence).toBe(n);
    await sending;
  });

  it('lets one reader wait at a time', async () => {
    const { far } = await openPair();
    const first = far.receive();
    await expect(far.receive()).rejects.toEqual(code('E_BUG'));
    far.destroy();
    await expect(first).rejects.toEqual(code('E_TUNNEL_CLOSED'));
  });

  it('cuts a peer that does not answer a goodbye', async () => {
    const { near, a, b } = await openPair();
    b.duplex.removeAllListeners('data');
    b.duplex.removeAllListeners('end');
    b.duplex.pause();
    await near.close(20);
    expect(a.duplex.destroyed).toBe(true);
  });
});

describe('keepalive', () => {
  it('F7, F9: calls a peer that says nothing gone, and says after how long', async () => {
    const { near, a, b } = await openPair({ near: { keepaliveMs: 10, keepaliveCount: 3 }, far: { keepaliveMs: 0 } });
    a.duplex.hold();
    b.duplex.hold();
    await expect(near.receive()).rejects.toMatchObject({ code: 'E_TUNNEL_SILENT', data: { forMs: 30 } });
    expect(a.duplex.destroyed).toBe(true);
  });

  it('F8: bears a silence that is shorter than that', async () => {
    const { near, far, b } = await openPair({ near: { keepaliveMs: 40, keepaliveCount: 3 }, far: { keepaliveMs: 0 } });
    b.duplex.hold();
    await far.send(message(0, 'held up'));
    await eventually(() => {
      expect(near.sentBytes).toBeGreaterThan(2 * 32 + 5); // a PING has gone unanswered
    });
    b.duplex.release();
    expect((await near.receive())?.payload.toString()).toBe('held up');
    await eventually(() => {
      expect(near.rttMs).toBeGreaterThan(0);
    });
    expect(near.failure).toBeUndefined();
    await Promise.all([near.close(), far.close()]);
  });

  it('does not call a peer silent that we ourselves do not read', async () => {
    const { near, far, b } = await openPair({ near: { keepaliveMs: 0 }, far: { keepaliveMs: 10, keepaliveCount: 2 } });
    const sending = (async () => {
      for (let n = 0; n < 200; n += 1) await near.send({ ...message(n, 'x'), payload: Buffer.alloc(64 * 1024) });
    })();
    await eventually(() => {
      expect(b.duplex.isPaused()).toBe(true);
    });
    const looks = far.sentBytes;
    await eventually(() => {
      expect(far.sentBytes).toBeGreaterThan(looks + 4 * 32); // several looks have passed
    });
    expect(far.failure).toBeUndefined();
    for (let n = 0; n < 200; n += 1) await far.receive();
    await sending;
  });
});

describe('a message channel', () => {
  it('carries messages whole and in order', async () => {
    const { near, far } = await openPair();
    const sender = new MessageChannel(near);
    const receiver = new MessageChannel(far);
    const big = Buffer.alloc(3 * 1024 * 1024, 7);
    const sending = Promise.all([sender.send(Buffer.from('a')), sender.send(big), sender.send(Buffer.from('b'))]);
    expect(Buffer.from((await receiver.receive(signal)) ?? []).toString()).toBe('a');
    expect(big.equals((await receiver.receive(signal)) ?? new Uint8Array())).toBe(true);
    expect(Buffer.from((await receiver.receive(signal)) ?? []).toString()).toBe('b');
    await sending;
    await sender.close();
    expect(await receiver.receive(signal)).toBeUndefined();
  });

  it('stays usable when one wait is given up', async () => {
    const { near, far } = await openPair();
    const receiver = new MessageChannel(far);
    await expect(receiver.receive(AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
    await new MessageChannel(near).send(Buffer.from('later'));
    expect(Buffer.from((await receiver.receive(signal)) ?? []).toString()).toBe('later');
  });

  it.each([0, 2])('F17: refuses a repeated or skipped message (second is %d)', async (second) => {
    const { near, far } = await openPair();
    await near.send(message(0, 'commit'));
    await near.send(message(second, 'commit'));
    const receiver = new MessageChannel(far);
    await receiver.receive(signal);
    await expect(receiver.receive(signal)).rejects.toEqual(code('E_PROTOCOL_FRAME_SEQUENCE'));
    await expect(near.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
  });

  it('refuses other frames, and messages of no or too many bytes', async () => {
    const { near, far } = await openPair();
    const channel = new MessageChannel(near);
    await expect(channel.send(new Uint8Array())).rejects.toEqual(code('E_PROTOCOL_MESSAGE_SIZE'));
    await expect(channel.send(Buffer.alloc(4 * 1024 * 1024 + 1))).rejects.toEqual(code('E_PROTOCOL_MESSAGE_SIZE'));
    await near.send(bareFrame(FrameType.ACK, 0, 0));
    await expect(new MessageChannel(far).receive(signal)).rejects.toEqual(code('E_PROTOCOL_FRAME_SEQUENCE'));
  });
});
