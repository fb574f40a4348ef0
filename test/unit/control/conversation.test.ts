import { describe, expect, it } from 'vitest';
import type { MessagePort } from '../../../src/control/message-port.js';
import {
  agreeProtocol,
  decodeWith,
  encode,
  envelopeSchema,
  openSchema,
  type Notice,
  type Request,
} from '../../../src/control/messages.js';
import { Requester } from '../../../src/control/requester.js';
import { Responder } from '../../../src/control/responder.js';
import { RefusedError } from '../../../src/errors/errors.js';

/** Two message ports that are each other's far end. */
function portPair(): [MessagePort & { close(): void }, MessagePort & { close(): void }] {
  const make = (): { queue: (Uint8Array | undefined)[]; wake?: (() => void) | undefined } => ({ queue: [] });
  const sides = [make(), make()] as const;
  const port = (own: (typeof sides)[number], far: (typeof sides)[number]): MessagePort & { close(): void } => ({
    send: (payload) => {
      far.queue.push(payload);
      far.wake?.();
      return Promise.resolve();
    },
    receive: async (signal) => {
      while (own.queue.length === 0) {
        signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          own.wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      return own.queue.shift();
    },
    close: () => {
      far.queue.push(undefined);
      far.wake?.();
    },
  });
  return [port(sides[0], sides[1]), port(sides[1], sides[0])];
}

const migration = '11111111-2222-4333-8444-555555555555';
const status: Request = { type: 'status', migration, epoch: 1, uuid: migration, name: 'web' };
const never = new AbortController().signal;

describe('control conversation', () => {
  it('matches replies to requests that are answered out of order, and delivers notices', async () => {
    const [near, far] = portPair();
    const notices: Notice[] = [];
    let letFirstGo: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (letFirstGo = resolve));
    const responder = new Responder(far, 'source', async (request) => {
      if (request.type === 'status') {
        await first;
        return { type: 'outcome', outcome: 'pending' };
      }
      return { type: 'confirmed' };
    });
    const serving = responder.serve(never);
    const requester = new Requester(
      near,
      'dest',
      (notice) => notices.push(notice),
      () => undefined,
    );
    const slow = requester.request(status, ['outcome'], { signal: never, ms: 5000 });
    const quick = await requester.request({ type: 'confirm', migration, epoch: 1 }, ['confirmed'], {
      signal: never,
      ms: 5000,
    });
    expect(quick.type).toBe('confirmed');
    responder.notify({ type: 'failed', migration, epoch: 1, error: { code: 'E_X', message: 'm' } });
    letFirstGo();
    expect((await slow).outcome).toBe('pending');
    expect(notices).toHaveLength(1);
    near.close();
    await serving;
    await requester[Symbol.asyncDispose]();
  });

  it("hands the peer's own error over, code included", async () => {
    const [near, far] = portPair();
    const responder = new Responder(far, 'source', () =>
      Promise.reject(new RefusedError('E_REFUSED_STATE', 'because', { hint: 'h' })),
    );
    void responder.serve(never);
    await using requester = new Requester(
      near,
      'dest',
      () => undefined,
      () => undefined,
    );
    await expect(requester.request(status, ['outcome'], { signal: never, ms: 5000 })).rejects.toMatchObject({
      code: 'E_REFUSED_STATE',
      message: 'because',
      hint: 'h',
    });
  });

  it('ends a wait at its deadline, and ignores the late answer', async () => {
    const [near, far] = portPair();
    await using requester = new Requester(
      near,
      'dest',
      () => undefined,
      () => undefined,
    );
    await expect(requester.request(status, ['outcome'], { signal: never, ms: 20 })).rejects.toMatchObject({
      code: 'E_DEADLINE_PEER',
    });
    await far.send(encode({ re: 1, reply: { type: 'outcome', outcome: 'committed' } }));
    const second = requester.request(status, ['outcome'], { signal: never, ms: 5000 });
    await far.send(encode({ re: 2, reply: { type: 'outcome', outcome: 'aborted' } }));
    expect((await second).outcome).toBe('aborted');
  });

  it('ends every wait when the link ends', async () => {
    const [near, far] = portPair();
    let lost: Error | undefined;
    await using requester = new Requester(
      near,
      'dest',
      () => undefined,
      (error) => (lost = error),
    );
    const waiting = requester.request(status, ['outcome'], { signal: never, ms: 5000 });
    far.close();
    await expect(waiting).rejects.toMatchObject({ code: 'E_TUNNEL_CLOSED' });
    expect(lost).toBeDefined();
  });

  it('ends a link whose peer sends what it may not: nonsense, or the other role', async () => {
    for (const [bytes, code] of [
      [Buffer.from('{'), 'E_PROTOCOL_MESSAGE'],
      [Buffer.from('{"id":0}'), 'E_PROTOCOL_MESSAGE'],
      [encode({ re: 1, reply: { type: 'confirmed' } }), 'E_PROTOCOL_ROLE'],
    ] as const) {
      const [near, far] = portPair();
      const responder = new Responder(far, 'source', () => Promise.resolve({ type: 'confirmed' }));
      const serving = responder.serve(never);
      await near.send(bytes);
      await expect(serving).rejects.toMatchObject({ name: 'ProtocolError', code });
    }
  });

  it.each([
    ['asks where it may only answer', { id: 1, request: status }, 'E_PROTOCOL_ROLE'],
    ['answers another question than was asked', { re: 1, reply: { type: 'confirmed' } }, 'E_PROTOCOL_REPLY'],
  ] as const)('ends a request at a peer that %s', async (_, said, code) => {
    const [near, far] = portPair();
    await using requester = new Requester(
      near,
      'dest',
      () => undefined,
      () => undefined,
    );
    const asked = requester.request(status, ['outcome'], { signal: never, ms: 60_000 });
    await far.receive(never);
    await far.send(encode(said));
    await expect(asked).rejects.toMatchObject({ name: 'ProtocolError', code });
  });

  it('bounds the requests that one peer may have open', async () => {
    const [near, far] = portPair();
    const responder = new Responder(far, 'source', () => new Promise(() => undefined));
    const serving = responder.serve(never);
    for (let id = 1; id <= 17; id += 1) await near.send(encode({ id, request: status }));
    await expect(serving).rejects.toMatchObject({ code: 'E_PROTOCOL_FLOOD' });
  });
});

describe('control messages', () => {
  it('name the field that is wrong', () => {
    const bytes = Buffer.from(JSON.stringify({ id: 1, request: { ...status, epoch: -1 } }));
    expect(() => decodeWith(envelopeSchema, bytes, 'message from b')).toThrow(/message from b: field /);
    const open = Buffer.from(JSON.stringify({ kind: 'lane', token: 'zz', index: 0 }));
    expect(() => decodeWith(openSchema, open, 'hello')).toThrow(/field token/);
  });

  it('F53: protocol versions are negotiated, and refused where none is shared', () => {
    expect(agreeProtocol({ min: 1, max: 2 }, { min: 1, max: 1 }, 'b')).toBe(1);
    expect(agreeProtocol({ min: 1, max: 1 }, { min: 1, max: 9 }, 'b')).toBe(1);
    expect(() => agreeProtocol({ min: 1, max: 1 }, { min: 2, max: 3 }, 'b')).toThrow(
      expect.objectContaining({
        code: 'E_PROTOCOL_VERSION',
        message: expect.stringContaining('b speaks protocol 2 to 3') as unknown,
      }),
    );
  });
});
